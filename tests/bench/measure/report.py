"""Writes what was measured: the verdict of each figure, results.md and the plots."""

import datetime
import os
import pathlib
import platform
import statistics
import subprocess

from . import plot


def command_line(*words):
    try:
        return subprocess.run(words, capture_output=True, text=True, timeout=10).stdout.strip()
    except OSError:
        return ""


def machine():
    cpu = next((line.split(":")[1].strip()
                for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())
    cores = os.cpu_count()
    memory = int(pathlib.Path("/proc/meminfo").read_text().split()[1]) / 1e6
    hypervisor = " under a hypervisor" if " hypervisor " in pathlib.Path(
        "/proc/cpuinfo").read_text() else ""
    system = dict(line.split("=", 1) for line in pathlib.Path(
        "/etc/os-release").read_text().splitlines() if "=" in line)["PRETTY_NAME"].strip('"')
    compiler = command_line("c++", "--version").splitlines()[0]
    return (f"{cores} cores of {cpu}{hypervisor}, {memory:.0f} GB, {system}, Linux "
            f"{platform.release()}, {compiler}")


def number(value):
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def spread(values):
    if len(values) == 1:
        return "one run"
    return f"{number(min(values))} – {number(max(values))}, {len(values)} runs"


def verdict(row, bound):
    if bound.limit is None:
        return "–"
    value = row.median()
    low = bound.least if bound.least is not None else float("-inf")
    return "OK" if low <= value <= bound.limit else "MISSED"


def bound_text(bound):
    if bound.limit is None:
        return ""
    least = f"{number(bound.least)} … " if bound.least is not None else "≤ "
    return f"{least}{number(bound.limit)}"


def results(rows, bounds, bench, commit):
    others = [round(100 * share) for share in bench.disturbed] or [0]
    lines = [
        "# Measured", "",
        f"By `tests/bench/run` on {datetime.date.today()}, commit {commit}: {machine()}.", "",
        "Server on core 0, load and publisher on core 1, except where both share both cores. Values "
        "are medians; a ratio is that of two servers that ran side by side, with as many viewers "
        "each and their frames half a frame apart. CPU-s is user and system time of the server's "
        "process; what loopback's receiving side costs is in it, for the floor as well. While it was measured, processes that were not part of it kept "
        f"{statistics.median(others):.0f} % of a core busy (at most {max(others)} %).", "",
        "| figure | value | spread | bound | | |", "|---|---|---|---|---|---|"]
    for row in rows:
        bound = bounds[row.name]
        lines.append(f"| {bound.text} | {number(row.median())} | {spread(row.values)} "
                     f"| {bound_text(bound)} | {verdict(row, bound)} | {row.note} |")
    for title, functions in bench.functions.items():
        lines += ["", "## Instructions per viewer and chunk, by function" +
                  (f", {title}" if title else ""), "",
                  "| object | function | instructions |", "|---|---|---|"]
        lines += [f"| {where} | `{name.replace('|', chr(92) + '|')}` | {cost:.1f} |"
                  for where, name, cost in functions]
    if bench.ramp:
        lines += ["", "## Viewers up to saturation", "",
                  "![latency](plots/ramp_latency.svg)", "", "![CPU](plots/ramp_cpu.svg)"]
    if bench.costs:
        lines += ["", "![CPU seconds per GB](plots/cost.svg)"]
    return "\n".join(lines) + "\n"


def draw(bench, folder):
    folder.mkdir(parents=True, exist_ok=True)
    if bench.ramp:
        latency = [(f"{line.label}, {name}", line.points, name == "p50")
                   for name in ("p99", "p50") for line in bench.ramp[name]]
        (folder / "ramp_latency.svg").write_text(plot.lines(
            "Latency of a frame against the number of viewers (4 Mbit/s, 30 frames/s)",
            "viewers", "ms", latency, log=True))
        cpu = [(line.label, line.points, False) for line in bench.ramp["cpu"]]
        (folder / "ramp_cpu.svg").write_text(plot.lines(
            "CPU of the server against the number of viewers (one worker)", "viewers",
            "% of a core", cpu, limit=100))
    if bench.costs:
        (folder / "cost.svg").write_text(plot.bars(
            "CPU seconds per delivered GB", "CPU-s/GB", bench.costs))

"""The figures that are counted, not timed: writes, instructions, allocations, copies, memory."""

import collections
import pathlib
import re
import signal
import struct
import subprocess
import time

from . import callgrind
from .figures import Row, sum_of
from .processes import Failed, SendTimes

AUDIO_RATE = 48000 / 1024


def wait_for(condition, timeout, what):
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {timeout} s")
        time.sleep(0.01)


def traced_calls(bench, server, seconds):
    """System calls of the server, with their times on the monotonic clock: (when, name, result)."""
    out = bench.folder / f"strace{bench.started}"
    tracer = bench.start(["strace", "-f", "-ttt", "-s", "0", "-o", out, "-p", server.pid], (1,))
    wait_for(lambda: "attached" in tracer.errors.read_text(), 10, "strace")
    ahead = time.time() - time.monotonic()
    time.sleep(seconds)
    tracer.stop(signal.SIGINT)
    bench.children.remove(tracer)
    calls = []
    for line in out.read_text(errors="replace").splitlines():
        match = re.match(r"\d+ +(\d+\.\d+) (?:<\.\.\. )?(\w+)(?: resumed>|\()(.*)", line)
        result = re.search(r"= (-?\d+)[^=]*$", line)
        if match and result:  # an unfinished call is counted where it is resumed
            calls.append((float(match[1]) - ahead, match[2], int(result[1])))
    return calls


def count_writes(bench, start_server, viewers, **published):
    """(writes per viewer and second of media, all system calls likewise, the relay's own count)"""
    server = start_server()
    publisher = bench.start_publisher(server, **published)
    found = {}
    seconds = 3 if bench.quick else 8

    def trace(_):
        found["before"] = (time.monotonic(), server.metrics())
        found["calls"] = traced_calls(bench, server, seconds + 0.5)
        found["after"] = (time.monotonic(), server.metrics())

    bench.run_load(server, viewers, trace, follow=False, window_ms=1000 * (seconds + 3))
    sent = SendTimes(server.times / "0.times")
    calls = found["calls"]
    if not calls:
        raise Failed("strace saw nothing")
    begin = calls[0][0]
    if sent.video_frames:  # whole frames: from just before one is sent to just before another
        frames = [frame for frame in range(sent.video_frames) if sent.time_of(frame) > begin]
        first, last = frames[1], frames[1 + seconds * 30]
        begin, end, frames = sent.time_of(first) - 0.004, sent.time_of(last) - 0.004, last - first
    else:
        end, frames = begin + seconds, seconds * AUDIO_RATE
    bench.stop(publisher, server.child)
    inside = [(name, result) for when, name, result in calls if begin <= when < end]
    # More than 8 bytes: not the wake-ups of an eventfd.
    writes = sum(name in ("write", "writev", "send", "sendto", "sendmsg") and result > 8
                 for name, result in inside)
    names = collections.Counter(name for name, _ in inside).most_common(4)
    both = [sum_of(found[key][1], "spancast_writes_total") for key in ("before", "after")]
    lasted = found["after"][0] - found["before"][0]
    own = (both[1] - both[0]) / lasted / (frames / (end - begin)) / viewers
    return (writes / frames / viewers, len(inside) / frames / viewers, own,
            ", ".join(f"{name} {count / frames / viewers:.2f}" for name, count in names))


def writes(bench):
    rows = []
    for name, viewers, published in (("writes_video", 20, {}),
                                     ("writes_audio_rides", 20, {"audio": True}),
                                     ("writes_audio_only", 20, {"no_video": True})):
        values, notes = [], ""
        for _ in range(bench.repeats):
            counted, calls, own, names = count_writes(bench, bench.start_relay, viewers,
                                                      **published)
            values.append(counted)
            notes = f"by strace; the relay's own count {own:.3f}; {calls:.2f} calls: {names}"
        rows.append(Row(name, values, notes))
    counted, calls, _, _ = count_writes(bench, bench.start_forwarder, 20)
    rows[0].note += f"; forwarder {counted:.3f} writes, {calls:.2f} calls"
    return rows


def profile(bench, viewers):
    """Instructions per chunk by (object), at this number of viewers."""
    out = bench.folder / f"callgrind{bench.started}"
    wrapper = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}"]
    relay = bench.start_relay(wrapper=wrapper)
    publisher = bench.start_publisher(relay, bit_rate=200000)
    sent = SendTimes(relay.times / "0.times")
    frames = []

    def switch(_):
        count = 90 if bench.quick else 300
        for state in ("on", "off"):
            subprocess.run(["vgdb", f"--pid={relay.pid}", "instrumentation", state], check=True,
                           timeout=60, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            frames.append(sent.video_frames)
            if state == "on":
                wait_for(lambda: sent.video_frames >= frames[0] + count, 60, "frames")

    window = 10000 if bench.quick else 20000
    bench.run_load(relay, viewers, switch, follow=False, window_ms=window, connects=50)
    bench.stop(publisher)
    if relay.child.stop(patience=60) is None or not out.exists():
        raise Failed("callgrind wrote nothing")
    bench.children.remove(relay.child)
    objects, functions = callgrind.self_cost(out)
    count = frames[1] - frames[0]
    return ({name: cost / count for name, cost in objects.items()},
            {name: cost / count for name, cost in functions.items()})


def instructions(bench):
    few, many = 10, 60
    totals, note = [], ""
    for _ in range(bench.repeats):
        (objects_few, functions_few), (objects, functions) = profile(bench, few), profile(bench, many)
        slope = lambda low, high: {name: (cost - low.get(name, 0)) / (many - few)
                                   for name, cost in high.items()}
        by_object = slope(objects_few, objects)
        totals.append(sum(by_object.values()))
        shares = sorted(by_object.items(), key=lambda item: -item[1])
        note = "; ".join(f"{short_name(name)} {cost:.0f}" for name, cost in shares
                         if cost >= 1 or "libuv" in name)
        costly = sorted(slope(functions_few, functions).items(), key=lambda item: -item[1])
        bench.functions = [(name[0], name[1], cost) for name, cost in costly[:25] if cost >= 1]
    return [Row("instructions", totals, note)]


def short_name(path):
    return re.sub(r"[-.].*", "", pathlib.Path(path).name)


def allocations(bench):
    """Allocations and copies of a relay built to show them, with 1 and with 100 viewers."""
    if not bench.counting_relay.exists():
        return []
    fields = ("allocations", "allocated_bytes", "copies", "copied_bytes")
    slopes, copied = [], {1: [], 100: []}
    note = ""
    for _ in range(bench.repeats):
        counts = bench.folder / f"count{bench.started}"
        relay = bench.start_relay(binary=bench.counting_relay, env={
            "LD_PRELOAD": str(bench.tools / "libcount.so"), "BENCH_COUNT_FILE": str(counts)})
        publisher = bench.start_publisher(relay, audio=True)
        sent = SendTimes(relay.times / "0.times")
        marks, short = [], []

        def mark():
            marks.append(dict(zip(fields, struct.unpack("<4Q", counts.read_bytes())),
                              frames=sent.video_frames, ingested=sent.bytes))

        def begin(_):
            short.append(sum_of(relay.metrics(), "spancast_short_writes_total"))
            mark()

        def end(_):  # marked first: what the scrape itself takes stays outside
            mark()
            short.append(sum_of(relay.metrics(), "spancast_short_writes_total"))

        bench.run_load(relay, [1, 100], begin, end, follow=False, settle_ms=3000)
        bench.stop(publisher, relay.child)
        per_chunk = {}
        for viewers, before, after in ((1, *marks[:2]), (100, *marks[2:])):
            grown = {name: after[name] - before[name] for name in after}
            per_chunk[viewers] = grown["allocations"] / grown["frames"]
            copied[viewers].append(grown["copied_bytes"] / grown["ingested"])
        slopes.append((per_chunk[100] - per_chunk[1]) / 99)
        note = (f"per chunk {per_chunk[1]:.2f} with 1 viewer, {per_chunk[100]:.2f} with 100; "
                f"{short[3] - short[2]:.0f} short writes")
    return [Row("allocations", slopes, note),
            Row("copies_1", copied[1], "bytes per ingested byte"),
            Row("copies_100", copied[100], "bytes per ingested byte")]


def resident_bytes(pid):
    """What is resident without shared memory: the arena is a shared mapping, warm or not."""
    fields = dict(line.split(":", 1)
                  for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return sum(int(fields[name].split()[0]) for name in ("RssAnon", "RssFile")) * 1024


def memory(bench):
    few, many = 100, 5000
    slopes, note = [], ""
    for _ in range(bench.repeats):
        relay = bench.start_relay()
        publisher = bench.start_publisher(relay, bit_rate=200000)
        resident = {}
        take = lambda viewers: resident.update({viewers: resident_bytes(relay.pid)})
        steps = bench.run_load(relay, [few, many], on_end=take, follow=False, window_ms=2000)
        bench.stop(publisher, relay.child)
        if steps[-1]["closed"]:
            raise Failed(f"{steps[-1]['closed']} viewers were closed")
        slopes.append((resident[many] - resident[few]) / (many - few))
        note = f"{resident[few] / 1e6:.1f} MB with {few}, {resident[many] / 1e6:.1f} MB with {many}"
    return [Row("memory", slopes, note)]

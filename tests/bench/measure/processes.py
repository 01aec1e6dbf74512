"""Starts, watches and ends the processes of a benchmark. Only those, by pid, always bounded."""

import concurrent.futures
import contextlib
import json
import mmap
import os
import pathlib
import queue
import re
import signal
import struct
import subprocess
import threading
import time
import urllib.request


class Failed(Exception):
    """A tool did not work: the figure fails whatever its value is."""


class Child:
    """A started process; its stdout is read as JSON lines, its stderr goes to a file. With `pipes`
    stdin and stdout are left to whoever started it."""

    def __init__(self, command, cores, errors, env=None, pipes=False):
        self.errors = pathlib.Path(errors)
        before = os.sched_getaffinity(0)
        with open(errors, "wb") as sink:
            try:  # the child inherits our affinity; only the main thread starts processes
                os.sched_setaffinity(0, cores)
                self.process = subprocess.Popen(
                    [str(part) for part in command],
                    stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
                    stdout=subprocess.PIPE, stderr=sink, env={**os.environ, **(env or {})})
            finally:
                os.sched_setaffinity(0, before)
        self.name = pathlib.Path(str(command[0])).name
        self.pid = self.process.pid
        self.lines = queue.Queue()
        if not pipes:
            threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.decode(errors="replace"))
        self.lines.put(None)

    def next_event(self, timeout):
        """The next JSON line, or None when the process ended."""
        end = time.monotonic() + timeout
        while True:
            try:
                line = self.lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise Failed(f"{self.name}: nothing for {timeout} s") from None
            if line is None:
                return None
            with contextlib.suppress(ValueError):
                return json.loads(line)

    def expect(self, name, timeout=10):
        while (event := self.next_event(timeout)) is not None:
            if event.get("event") == name:
                return event
        raise Failed(f"{self.name} ended before '{name}': {self.last_words()}")

    def last_words(self):
        return self.errors.read_text(errors="replace")[-600:].strip()

    def stop(self, first=signal.SIGTERM, patience=12):
        for sign, wait in ((first, patience), (signal.SIGKILL, 5)):
            if self.process.poll() is not None:
                break
            self.process.send_signal(sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(wait)
        return self.process.poll()


class SendTimes:
    """The shared file of a sender (send_times.hpp): frames, bytes, and the time of each frame."""

    RING = 16384

    def __init__(self, path):
        with open(path, "rb") as file:
            self.page = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)

    def _field(self, index):
        return struct.unpack_from("<Q", self.page, 8 * index)[0]

    video_frames = property(lambda self: self._field(0))
    audio_frames = property(lambda self: self._field(1))
    bytes = property(lambda self: self._field(2))
    late_ns = property(lambda self: self._field(3))

    def time_of(self, frame):
        """Seconds of CLOCK_MONOTONIC."""
        return self._field(5 + frame % self.RING) / 1e9


def busy_seconds():
    """What all cores did so far, idle and waiting not counted."""
    fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    return sum(int(fields[i]) for i in (0, 1, 2, 5, 6, 7)) / os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """What all threads of a process used so far, finer than the clock ticks of its times."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


class Server:
    """A relay, floor or forwarder that listens."""

    def __init__(self, child, port, admin, times):
        self.child, self.port, self.admin, self.times = child, port, admin, times
        self.pid = child.pid

    def metrics(self):
        """{name: {labels: value}} of the admin port, or {} for a server without one."""
        if not self.admin:
            return {}
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=10) as page:
            text = page.read().decode()
        found = {}
        for line in text.splitlines():
            match = re.match(r"([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)", line)
            if match:
                found.setdefault(match[1], {})[match[2] or ""] = float(match[3])
        return found


class Bench:
    """One run of the benchmarks: where everything is, how long things last, what was started."""

    def __init__(self, tools, relay, counting_relay, folder, quick, repeats=None):
        self.tools, self.relay, self.counting_relay = tools, relay, counting_relay
        self.folder = pathlib.Path(folder)
        self.quick = quick
        self.repeats = repeats or (1 if quick else 3)
        self.window_ms = 2000 if quick else 10000
        self.children = []
        self.started = 0
        self.costs, self.ramp, self.functions = [], {}, {}  # for plots and tables
        self.disturbed = []  # of each window: cores that processes not ours kept busy

    def start(self, command, cores, env=None, pipes=False):
        self.started += 1
        child = Child(command, cores, self.folder / f"{self.started}.err", env, pipes)
        self.children.append(child)
        return child

    def stop(self, *children):
        for child in children:
            child.stop()
            self.children.remove(child)

    def stop_all(self):
        self.stop(*reversed(self.children))

    def wait_for_quiet(self):
        """Neighbours on a shared machine disturb every figure of time; gives them 30 s to end."""
        for _ in range(0 if self.quick else 30):
            before = busy_seconds()
            time.sleep(1)
            if busy_seconds() - before < 0.1:
                return

    def new_times(self):
        folder = self.folder / f"times{self.started}"
        folder.mkdir()
        return folder

    def start_floor(self, cores=(0,), **options):
        times = self.new_times()
        command = [self.tools / "floor", "--times", times]
        for name, value in options.items():
            command += [f"--{name.replace('_', '-')}", value]
        child = self.start(command, cores)
        return Server(child, child.expect("listening")["port"], None, times)

    def start_forwarder(self, cores=(0,)):
        child = self.start([self.tools / "forwarder"], cores)
        return Server(child, child.expect("listening")["port"], None, None)

    def start_relay(self, cores=(0,), workers=1, flush="0", binary=None, wrapper=(), env=None,
                    more="", http=""):
        """`more`: further lines of its configuration; `http`: what else this section says."""
        config = self.folder / f"relay{self.started}.yaml"
        config.write_text(
            f"http: {{address: 127.0.0.1, port: 0{http}}}\nadmin: {{port: 0}}\n"
            f"workers: {workers}\nviewer: {{flush_interval: {flush}}}\n{more}")
        child = self.start([*wrapper, binary or self.relay, "--config", config], cores, env)
        end = time.monotonic() + 60
        while time.monotonic() < end and child.process.poll() is None:
            said = child.errors.read_text(errors="replace")
            http = re.search(r"listening\b.*\bhttp=\S*:(\d+)", said)
            admin = re.search(r"listening\b.*\badmin=\S*:(\d+)", said)
            if http:
                return Server(child, int(http[1]), int(admin[1]) if admin else None, None)
            time.sleep(0.02)
        raise Failed(f"the relay does not listen: {child.last_words()}")

    def start_publisher(self, server, cores=(1,), seconds=600, **options):
        """Publishes to the server and waits until the first group of frames is there."""
        times = self.new_times()
        command = [self.tools / "publish", "--port", server.port, "--times", times,
                   "--seconds", seconds]
        for name, value in options.items():
            command += [f"--{name.replace('_', '-')}"] + ([] if value is True else [value])
        child = self.start(command, cores)
        child.expect("publishing")
        server.times = times
        end = time.monotonic() + 10
        sent = SendTimes(times / "0.times")
        while max(sent.video_frames, sent.audio_frames) < 10:
            if child.process.poll() is not None or time.monotonic() > end:
                raise Failed(f"the publisher does not publish: {child.last_words()}")
            time.sleep(0.05)
        return child

    def start_visits(self, server, way, visits, query="", **options):
        command = [self.tools / "first_byte", "--port", server.port, "--target",
                   way.target.replace("{}", "0") + query, "--visits", visits]
        for name, value in options.items():
            command += [f"--{name.replace('_', '-')}", value]
        return self.start(command, (1,))

    def finish_visits(self, visits):
        found = visits.expect("first_byte", 120)
        self.stop(visits)
        if found["failed"]:
            raise Failed(f"{found['failed']} visits failed")
        return found

    def start_load(self, server, viewers, cores=(1,), follow=True, window_ms=None, **options):
        viewers = viewers if isinstance(viewers, (list, tuple)) else [viewers]
        if self.quick:
            options.setdefault("settle_ms", 1000)
        command = [self.tools / "load", "--port", server.port, "--times", server.times,
                   "--viewers", ",".join(str(count) for count in viewers),
                   "--connects", options.pop("connects", 1000),
                   "--window-ms", window_ms or self.window_ms, "--server", server.pid]
        for name, value in options.items():
            command += [f"--{name.replace('_', '-')}"] + ([] if value is True else [value])
        return self.start(command + (["--follow"] if follow else []), cores)

    def finish_load(self, load, on_begin=None, on_end=None):
        """Waits for the load's end; calls back when a window begins or ends; returns the steps."""
        steps, busy, began = [], 0.0, 0.0
        while (event := load.next_event(240)) is not None:
            if event["event"] == "window_begin":
                busy, began = busy_seconds(), time.monotonic()
                if on_begin:
                    on_begin(event["viewers"])
            elif event["event"] == "window_end":
                busy = (busy_seconds() - busy) / (time.monotonic() - began)
                if on_end:
                    on_end(event["viewers"])
            elif event["event"] == "step":
                ours = (event["server_cpu"] + event["load_cpu"]) / event["seconds"]
                event["disturbed"] = max(0.0, busy - ours)
                steps.append(event)
        if load.stop() != 0 or not steps:
            raise Failed(f"load: {load.last_words()}")
        for step in steps:
            if step["refused"] or step["bytes"] == 0:
                raise Failed(f"load: {step['refused']} viewers refused, {step['bytes']} bytes")
        self.children.remove(load)
        return steps

    @staticmethod
    def require_share(steps):
        """Counts mean something only when everything came; a container takes up to 4 % itself."""
        least = min(step["least_share"] for step in steps)
        if least < 0.9:
            raise Failed(f"a viewer got {least:.2f} of what was published")

    def finish_loads(self, *calls):
        """Several loads at the same time, each with the arguments of finish_load(); their steps."""
        with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
            waiting = [pool.submit(self.finish_load, *call) for call in calls]
        return [done.result() for done in waiting]

    def run_load(self, server, viewers, on_begin=None, on_end=None, **options):
        return self.finish_load(self.start_load(server, viewers, **options), on_begin, on_end)

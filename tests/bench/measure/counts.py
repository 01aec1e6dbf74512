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
from .ways import FMP4, REMUX, TS, WIRE

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


# A machine that stood still for so long in the middle has handed frames on together: seconds.
PAUSE_MAX = 0.1


def count_writes(bench, start_server, viewers, way, **published):
    """(writes per viewer and second of media, all system calls likewise, the relay's own count), of a
    time in which the machine did not stand still."""
    for _ in range(3):
        counted, pause = try_writes(bench, start_server, viewers, way, **published)
        if pause <= PAUSE_MAX:
            break
        print(f"  the machine stood still for {pause:.2f} s: once more", flush=True)
    return counted


def try_writes(bench, start_server, viewers, way, **published):
    """What was counted, and the longest time without a system call."""
    server = start_server()
    publisher = bench.start_publisher(server, **way.publisher, **published)
    found = {}
    seconds = 3 if bench.quick else 5

    def trace(_):
        found["before"] = (time.monotonic(), server.metrics())
        found["calls"] = traced_calls(bench, server, seconds + 0.5)
        found["after"] = (time.monotonic(), server.metrics())

    bench.run_load(server, viewers, trace, follow=False, window_ms=1000 * (seconds + 3),
                   **way.viewer)
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
    times = [when for when, _, _ in calls if begin <= when < end]
    pause = max(later - when for when, later in zip(times, times[1:]))
    return (writes / frames / viewers, len(inside) / frames / viewers, own,
            ", ".join(f"{name} {count / frames / viewers:.2f}" for name, count in names)), pause


def writes(bench, way=TS):
    rows = []
    kinds = {"video": {}, "audio_rides": {"audio": True}, "audio_only": {"no_video": True}}
    if way == WIRE or bench.quick and way != TS:  # a camera lets audio ride by itself
        kinds = {"video": {}}
    for kind, published in kinds.items():
        values, notes = [], ""
        for _ in range(bench.repeats):
            counted, calls, own, names = count_writes(bench, bench.start_relay, 20, way,
                                                      **published)
            values.append(counted)
            notes = f"by strace; the relay's own count {own:.3f}; {calls:.2f} calls: {names}"
        rows.append(Row(f"{way.prefix}writes_{kind}", values, notes))
    if way == TS:
        counted, calls, _, _ = count_writes(bench, bench.start_forwarder, 20, way)
        rows[0].note += f"; forwarder {counted:.3f} writes, {calls:.2f} calls"
    return rows


class Profile:
    """A relay under callgrind with this number of viewers, and what it costs them per chunk."""

    def __init__(self, bench, way, viewers):
        self.out = bench.folder / f"callgrind{bench.started}"
        self.relay = bench.start_relay(wrapper=[
            "valgrind", "--tool=callgrind", "--instr-atstart=no",
            f"--callgrind-out-file={self.out}"])
        self.publisher = bench.start_publisher(self.relay, bit_rate=200000, **way.publisher)
        self.sent = SendTimes(self.relay.times / "0.times")
        self.count = 90 if bench.quick else 300
        self.frames = []
        self.load = bench.start_load(
            self.relay, viewers, follow=False, window_ms=20000, connects=50, **way.viewer)

    def switch(self, _):
        for state in ("on", "off"):
            subprocess.run(["vgdb", f"--pid={self.relay.pid}", "instrumentation", state],
                           check=True, timeout=60, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
            self.frames.append(self.sent.video_frames)
            if state == "on":
                wait_for(lambda: self.sent.video_frames >= self.frames[0] + self.count, 60,
                         "frames")

    def result(self, bench):
        """Instructions per chunk by object, and by function."""
        bench.stop(self.publisher)
        if self.relay.child.stop(patience=60) is None or not self.out.exists():
            raise Failed("callgrind wrote nothing")
        bench.children.remove(self.relay.child)
        objects, functions = callgrind.self_cost(self.out)
        count = self.frames[1] - self.frames[0]
        return ({name: cost / count for name, cost in objects.items()},
                {name: cost / count for name, cost in functions.items()})


def instructions(bench):
    """They are counted, not timed: all ways at once, with few viewers and with many."""
    few, many = 10, 60
    ways = (TS, FMP4, WIRE)
    totals, notes = {}, {}
    for _ in range(bench.repeats):
        pairs = [[Profile(bench, way, viewers) for viewers in (few, many)] for way in ways]
        bench.finish_loads(*((one.load, one.switch) for pair in pairs for one in pair))
        for way, pair in zip(ways, pairs):
            (objects_few, functions_few), (objects, functions) = [one.result(bench) for one in pair]
            slope = lambda low, high: {name: (cost - low.get(name, 0)) / (many - few)
                                       for name, cost in high.items()}
            by_object = slope(objects_few, objects)
            totals.setdefault(way, []).append(sum(by_object.values()))
            shares = sorted(by_object.items(), key=lambda item: -item[1])
            notes[way] = "; ".join(f"{short_name(name)} {cost:.0f}" for name, cost in shares
                                   if cost >= 1 or "libuv" in name)
            costly = sorted(slope(functions_few, functions).items(), key=lambda item: -item[1])
            bench.functions[way.title] = [(name[0], name[1], cost)
                                          for name, cost in costly[:25] if cost >= 1]
    return [Row(way.prefix + "instructions", totals[way], notes[way]) for way in ways]


def short_name(path):
    return re.sub(r"[-.].*", "", pathlib.Path(path).name)


class Counted:
    """A relay built to show its allocations and copies, with these numbers of viewers."""

    FIELDS = ("allocations", "allocated_bytes", "copies", "copied_bytes")

    def __init__(self, bench, way, viewers=(1, 100), more=""):
        self.way = way
        self.file = bench.folder / f"count{bench.started}"
        self.relay = bench.start_relay(more=more, binary=bench.counting_relay, env={
            "LD_PRELOAD": str(bench.tools / "libcount.so"), "BENCH_COUNT_FILE": str(self.file)})
        self.publisher = bench.start_publisher(self.relay, audio=True, **way.publisher)
        self.sent = SendTimes(self.relay.times / "0.times")
        self.marks, self.short = [], []
        if not viewers:
            return
        # Long enough that a chunk more or less at an edge is below the bound.
        self.load = bench.start_load(self.relay, list(viewers), follow=False, settle_ms=3000,
                                     window_ms=10000, **way.viewer)

    def mark(self):
        counts = struct.unpack("<4Q", self.file.read_bytes())
        self.marks.append(dict(zip(self.FIELDS, counts), frames=self.sent.video_frames,
                               ingested=self.sent.bytes))

    def begin(self, _):
        self.short.append(sum_of(self.relay.metrics(), "spancast_short_writes_total"))
        self.mark()

    def end(self, _):  # marked first: what the scrape itself takes stays outside
        self.mark()
        self.short.append(sum_of(self.relay.metrics(), "spancast_short_writes_total"))

    def per(self, what, of):
        """With 1 and with 100 viewers."""
        return [(after[what] - before[what]) / (after[of] - before[of])
                for before, after in (self.marks[:2], self.marks[2:])]


def allocations(bench):
    """Copies per ingested byte and, where nothing is converted, allocations per viewer and chunk.
    They are counted, not timed: all ways at once."""
    ways = (TS, FMP4, WIRE, *REMUX)
    if not bench.counting_relay.exists():
        return []
    slopes, copied, notes = {}, {}, {}
    for _ in range(bench.repeats):
        relays = [Counted(bench, way) for way in ways]
        for steps in bench.finish_loads(*((one.load, one.begin, one.end) for one in relays)):
            bench.require_share(steps)
        for one in relays:
            bench.stop(one.publisher, one.relay.child)
            few, many = one.per("allocations", "frames")
            slopes.setdefault(one.way, []).append((many - few) / 99)
            copied.setdefault(one.way, []).append(one.per("copied_bytes", "ingested"))
            notes[one.way] = (f"per chunk {few:.2f} with 1 viewer, {many:.2f} with 100; "
                              f"{one.short[3] - one.short[2]:.0f} short writes")
    rows = []
    for way in ways:
        note = "bytes per ingested byte"
        if way in REMUX:
            note += f"; allocations {notes[way]}"
        else:
            rows.append(Row(way.prefix + "allocations", slopes[way], notes[way]))
        few, many = zip(*copied[way])
        rows += [Row(way.prefix + "copies_1", few, note),
                 Row(way.prefix + "copies_100", many, note)]
    return rows


def resident_bytes(pid):
    """What is resident without shared memory: the arena is a shared mapping, warm or not."""
    fields = dict(line.split(":", 1)
                  for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return sum(int(fields[name].split()[0]) for name in ("RssAnon", "RssFile")) * 1024


def memory(bench, way=TS):
    few, many = 100, 2000 if bench.quick else 5000
    slopes, note = [], ""
    for _ in range(bench.repeats):
        relay = bench.start_relay()
        publisher = bench.start_publisher(relay, bit_rate=200000, **way.publisher)
        resident = {}
        take = lambda viewers: resident.update({viewers: resident_bytes(relay.pid)})
        steps = bench.run_load(relay, [few, many], on_end=take, follow=False, window_ms=2000,
                               **way.viewer)
        bench.stop(publisher, relay.child)
        if steps[-1]["closed"]:
            raise Failed(f"{steps[-1]['closed']} viewers were closed")
        slopes.append((resident[many] - resident[few]) / (many - few))
        note = f"{resident[few] / 1e6:.1f} MB with {few}, {resident[many] / 1e6:.1f} MB with {many}"
    return [Row(way.prefix + "memory", slopes, note)]

"""What recording costs, what the past costs, and what a disk that stands still does."""

import contextlib
import datetime
import mmap
import os
import pathlib
import shutil
import statistics
import struct
import tempfile
import time

from . import catalog
from .counts import Counted, wait_for
from .figures import FRAME_BYTES, Row, histogram_quantile, p99, sum_of
from .processes import Failed, SendTimes, cpu_seconds
from .ways import FMP4, TS, WIRE

BIT_RATE = 4_000_000


def recording(root, more="", **settings):
    """Lines of a configuration."""
    all_settings = {"enabled": "true", "root": root, **settings}
    listed = ", ".join(f"{name}: {value}" for name, value in all_settings.items())
    return f"recording: {{{listed}}}\n{more}"


SHARED_MEMORY = pathlib.Path("/dev/shm")


@contextlib.contextmanager
def new_root(bench, in_memory=False):
    """A folder for recordings. In memory, where there is room: a disk's own time and whims, which
    are as large as what is measured, stay outside, and writing is as cheap as it gets."""
    has_room = SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free > 8e9
    where = SHARED_MEMORY if in_memory and has_room else bench.folder
    root = pathlib.Path(tempfile.mkdtemp(prefix="spancast-bench-recordings-", dir=where))
    try:
        yield root
    finally:
        bench.stop_all()  # who still writes there
        shutil.rmtree(root)


def require_complete(relay):
    """A figure of a recording with gaps means nothing."""
    metrics = relay.metrics()
    gaps = sum_of(metrics, "spancast_recording_gaps_total")
    errors = sum_of(metrics, "spancast_recording_errors_total")
    if gaps or errors:
        raise Failed(f"the recording has {gaps:.0f} gaps and {errors:.0f} errors")
    return metrics


# What recording costs.

class Writing:
    """A process that writes or might: CPU seconds per GB of what it was given."""

    def __init__(self, pid, times, streams):
        self.pid = pid
        self.times = [SendTimes(times / f"{number}.times") for number in range(streams)]
        self.marks = []

    def mark(self):
        self.marks.append((cpu_seconds(self.pid), sum(one.bytes for one in self.times)))

    def per_gb(self):
        (cpu, size), (cpu_after, size_after) = self.marks
        return (cpu_after - cpu) / ((size_after - size) / 1e9)


def cost_beside(bench, way, root, fsync):
    """CPU seconds per GB: recording, not recording, and only writing the same bytes."""
    streams, seconds = (50, 4) if bench.quick else (200, 15)
    more = "memory: {arena: 1GiB}\n"
    relays = [bench.start_relay(more=recording(root / "relay", more, fsync=fsync)),
              bench.start_relay(more=more)]
    found = []
    for relay in relays:
        bench.start_publisher(relay, streams=streams, **way.publisher)
        found.append(Writing(relay.pid, relay.times, streams))
    times = bench.new_times()
    (root / "floor").mkdir()
    writer = bench.start([bench.tools / "disk_writer", "--folder", root / "floor", "--times", times,
                          "--streams", streams, "--bit-rate", BIT_RATE], (0,))
    writer.expect("writing")
    found.append(Writing(writer.pid, times, 1))
    time.sleep(2 if bench.quick else 6)  # until tails are as long as they get
    for moment in (0, seconds):
        time.sleep(moment)
        for one in found:
            one.mark()
    require_complete(relays[0])
    return [one.per_gb() for one in found]


def record_cost(bench, way, fsync="interval"):
    values, parts = [], []
    for _ in range(bench.repeats):
        bench.wait_for_quiet()
        with new_root(bench, in_memory=True) as root:
            recorded, bare, floor = cost_beside(bench, way, root, fsync)
        values.append((recorded - bare) / floor)
        parts.append((recorded, bare, floor))
    recorded, bare, floor = map(statistics.median, zip(*parts))
    return [Row(f"{way.prefix}record_cpu", values,
                f"CPU-s/GB: {recorded:.3f} with, {bare:.3f} without, {floor:.3f} for writes alone")]


class CountedRecording(Counted):
    """Copies of a relay that has no viewers."""

    def __init__(self, bench, way, more):
        super().__init__(bench, way, more=more, viewers=())

    def per_byte(self):
        before, after = self.marks
        return ((after["copied_bytes"] - before["copied_bytes"])
                / (after["ingested"] - before["ingested"]))


def record_copies(bench):
    """Per recorded byte, above what is copied without recording."""
    if not bench.counting_relay.exists():
        return []
    ways = (FMP4, WIRE, TS)
    above, notes = {way: [] for way in ways}, {}
    for _ in range(bench.repeats):
        with new_root(bench) as root:
            pairs = {way: [CountedRecording(bench, way, more) for more in
                           (recording(root / way.published), "")] for way in ways}
            time.sleep(3)
            for moment in (0, 5 if bench.quick else 10):
                time.sleep(moment)
                for one in (one for pair in pairs.values() for one in pair):
                    one.mark()
            for way, (recorded, bare) in pairs.items():
                require_complete(recorded.relay)
                above[way].append(recorded.per_byte() - bare.per_byte())
                notes[way] = f"bytes per recorded byte; {bare.per_byte():.3f} without recording"
    return [Row(f"{way.prefix}record_copies", above[way], notes[way]) for way in ways]


# What the past costs.

def iso(seconds):
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def watch_past(bench, relay, way, at, viewers, size):
    child = bench.start([bench.tools / "past", "--port", relay.port, "--server", relay.pid,
                         "--viewers", viewers, "--bytes", int(size), "--target",
                         f"{way.target.replace('{}', '0')}?at={iso(at)}"], (1,))
    found = child.expect("past", 180)
    bench.stop(child)
    if found["full"] < viewers:
        raise Failed(f"{viewers - found['full']} of {viewers} viewers did not get their past")
    return found


def past_cost(bench, way=FMP4):
    """Many viewers of one past minute, and as many of what is live. Two or three MB are read ahead of
    viewers who then go: of much less than a minute that is too much."""
    viewers, seconds = (200, 45) if bench.quick else (1000, 60)
    ratios, reads, parts = [], [], []
    for _ in range(bench.repeats):
        bench.wait_for_quiet()
        with new_root(bench) as root:
            relay = bench.start_relay(more=recording(root, "stream: {tail: 3s}\n"))
            began = time.time()
            bench.start_publisher(relay, **way.publisher)
            live = bench.run_load(relay, viewers, follow=False, slack=FRAME_BYTES,
                                  **way.viewer)[0]["cpu_per_gb"]
            time.sleep(max(0.0, began + seconds + 8 - time.time()))
            size = seconds * BIT_RATE / 8
            before = require_complete(relay)
            past = watch_past(bench, relay, way, began + 2, viewers, size)
            after = relay.metrics()
            ratios.append(past["cpu_per_gb"] / live)
            reads.append((sum_of(after, "spancast_past_bytes_total")
                          - sum_of(before, "spancast_past_bytes_total")) / size)
            parts.append((past["cpu_per_gb"], live, past["seconds"], past["first_byte_ms"]["p99"]))
    past, live, lasted, first = map(statistics.median, zip(*parts))
    return [Row("past_cpu", ratios, f"CPU-s/GB: {past:.3f} in the past, {live:.3f} live; "
                f"{viewers} viewers in {lasted:.1f} s, first byte p99 {first:.1f} ms"),
            Row("past_reads", reads, f"of {size / 1e6:.0f} MB that {viewers} viewers watch")]


# What is found when there is much.

def record_some(bench, root, streams, seconds, end="stop", **settings):
    """A relay that recorded and is gone; when it was recorded."""
    relay = bench.start_relay(more=recording(root, **settings))
    began = time.time()
    publisher = bench.start_publisher(relay, streams=streams, bit_rate=400_000, **FMP4.publisher)
    time.sleep(seconds)
    if end == "kill":
        relay.child.process.kill()
        relay.child.process.wait()
        bench.stop(relay.child, publisher)
    else:
        bench.stop(publisher, relay.child)
    return began


def cold_seek(bench):
    """To the first byte of a time in the past, the first that a relay is asked for, with nothing of
    catalog and files in memory."""
    rows = 1_000_000
    values, notes = [], []
    with new_root(bench) as root:
        began = record_some(bench, root, 1, 8)
        catalog.fill(root, rows)
        for _ in range(max(3, bench.repeats)):
            catalog.forget(root)
            started = time.monotonic()
            relay = bench.start_relay(more=recording(root))
            ready = time.monotonic() - started
            catalog.forget(root)
            visits = bench.start_visits(relay, FMP4, 1, query=f"?at={iso(began + 4)}")
            values.append(bench.finish_visits(visits)["max"])
            bench.stop(relay.child)
            notes.append(ready)
    return [Row("cold_seek", values, f"ms, of {rows} segments; the relay listened after "
                f"{statistics.median(notes):.2f} s")]


def recovery(bench):
    """From the start until what a killed relay left open is whole."""
    segments, streams = 10_000, 20
    values, listens = [], []
    for _ in range(bench.repeats):
        with new_root(bench) as root:
            record_some(bench, root, streams, 10 if bench.quick else 30, end="kill", segment="10m")
            open_ones = catalog.open_count(root)
            if open_ones != streams:
                raise Failed(f"{open_ones} segments are open, not {streams}")
            catalog.fill(root, segments, with_files=True)
            catalog.forget(root)
            started = time.monotonic()
            relay = bench.start_relay(more=recording(root))
            listens.append(time.monotonic() - started)
            wait_for(lambda: catalog.open_count(root) == 0, 60, "recovery")
            values.append(time.monotonic() - started)
            bench.stop(relay.child)
    return [Row("recovery", values, f"s, {segments} segments, {streams} of them open; it listened "
                f"after {statistics.median(listens):.2f} s")]


# What a disk that stands still does.

class StandingDisk:
    """tests/faults/disk_faults.cpp, as far as it is needed: its three flags that stop the disk."""

    FLAGS = [8 * (5 * kind + 1) for kind in range(3)]  # of write, sync and change

    def __init__(self, bench, root):
        path = bench.folder / f"disk_faults{bench.started}"
        path.write_bytes(bytes(4096))
        with path.open("r+b") as file:
            self.page = mmap.mmap(file.fileno(), 4096)
        library = bench.tools.parent / "disk_faults.so"
        self.environment = {"LD_PRELOAD": str(library), "FAULTS_FILE": str(path),
                            "FAULTS_FOLDER": str(pathlib.Path(root).resolve())}

    def set(self, stands):
        for flag in self.FLAGS:
            struct.pack_into("<q", self.page, flag, int(stands))


class Watched:
    """A relay with recorded streams and viewers of them, on a disk that may stand still."""

    STREAMS, VIEWERS = 20, 500

    def __init__(self, bench, root, turn, stall_seconds):
        root.mkdir()
        self.bench, self.stall_seconds = bench, stall_seconds
        self.disk = StandingDisk(bench, root)
        self.relay = bench.start_relay(more=recording(root), env=self.disk.environment)
        bench.start_publisher(self.relay, streams=self.STREAMS, phase_us=833 * turn,
                              **FMP4.publisher)
        self.metrics = []
        self.load = bench.start_load(
            self.relay, self.VIEWERS, streams=self.STREAMS, slack=FRAME_BYTES, **FMP4.viewer,
            window_ms=3000 if bench.quick else 10000)

    def begin(self, _):
        self.metrics.append(self.relay.metrics())
        if self.stall_seconds:
            self.disk.set(True)
            time.sleep(self.stall_seconds)
            self.disk.set(False)

    def end(self, _):
        self.metrics.append(self.relay.metrics())

    def lag_ms(self):
        return 1000 * (histogram_quantile(*self.metrics, "spancast_loop_lag_seconds", 0.99) or 0)


def standing_disk(bench):
    """Of relays side by side: one's disk stands still for most of the time."""
    lags, latencies, parts = [], [], []
    for turn in range(bench.repeats):
        bench.wait_for_quiet()
        with new_root(bench) as root:
            pair = [Watched(bench, root / name, (turn + place) % 2, stall)
                    for place, (name, stall) in enumerate(
                        (("healthy", 0), ("standing", 2 if bench.quick else 5)))]
            steps = [found[0] for found in
                     bench.finish_loads(*((one.load, one.begin, one.end) for one in pair))]
            for one in pair:
                require_complete(one.relay)
        healthy, standing = (one.lag_ms() for one in pair)
        lags.append(standing / healthy)
        latencies.append(p99(steps[1]) / p99(steps[0]))
        parts.append((healthy, standing, p99(steps[0]), p99(steps[1])))
    healthy, standing, before, after = map(statistics.median, zip(*parts))
    return [Row("standing_disk_lag", lags,
                f"loop lag p99 {healthy:.3f} ms healthy, {standing:.3f} ms standing"),
            Row("standing_disk_latency", latencies,
                f"latency p99 {before:.2f} ms healthy, {after:.2f} ms standing")]

"""What a balancer costs, and that it holds nothing back."""

import statistics
import time

from .counts import wait_for
from .edges import NONE, CurlPublisher, CurlViewer, Site, published
from .figures import FRAME_BYTES, Row
from .processes import Failed


def latency(bench, balancer):
    """Of one viewer, beside one without a balancer: published and watched through it."""
    if not balancer.is_there():
        return []
    pairs = []
    for turn in range(bench.repeats):
        bench.wait_for_quiet()
        sites = [Site(bench, one) for one in (NONE, balancer)]
        for place, site in enumerate(sites):
            bench.start_publisher(site.front, phase_us=16667 * ((turn + place) % 2))
        loads = [bench.start_load(site.front, 1, slack=FRAME_BYTES, http_1_0=True,
                                  window_ms=3000 if bench.quick else 10000) for site in sites]
        steps = [found[0] for found in bench.finish_loads(*((load,) for load in loads))]
        bench.stop_all()
        for site, step in zip(sites, steps):
            if step["latency_ms"]["samples"] < 0.9 * step["video_frames"]:
                raise Failed(f"{site.balancer.title}: {step['latency_ms']['samples']} latencies of "
                             f"{step['video_frames']} frames")
        pairs.append([step["latency_ms"] for step in steps])
    rows = []
    for part in ("p50", "p99"):
        direct, through = zip(*((one[part], other[part]) for one, other in pairs))
        rows.append(Row(f"{balancer.prefix}latency_{part}",
                        [b - a for a, b in zip(direct, through)],
                        f"ms, through it twice: published and watched; "
                        f"{statistics.median(through):.3f} instead of "
                        f"{statistics.median(direct):.3f}"))
    return rows


# CPU and memory.

def watched_by_load(bench, site, counts, window_ms):
    """Bytes per second of the last count, and what was used before and after each one's window."""
    marks = []
    mark = lambda _: marks.append(site.use())
    steps = bench.run_load(site.front, counts, mark, mark, follow=False, slack=FRAME_BYTES,
                           settle_ms=1000, window_ms=window_ms)
    bench.require_share(steps)
    return steps[-1]["bytes"] / steps[-1]["seconds"], marks


def watched_by_curl(bench, site, counts, window_ms):
    """The same with a process for each viewer."""
    viewers, marks, rate = [], [], 0
    for count in counts:
        viewers += [CurlViewer(site) for _ in range(count - len(viewers))]
        wait_for(lambda: all(one.received() for one in viewers), 30, f"{count} viewers")
        time.sleep(1)
        marks.append(site.use())
        sent, before = published(site), [one.received() for one in viewers]
        time.sleep(window_ms / 1000)
        marks.append(site.use())
        got = [one.received() - was for one, was in zip(viewers, before)]
        bench.require_share([{"least_share": (min(got) + FRAME_BYTES) / (published(site) - sent)}])
        rate = sum(got) / (marks[-1].at - marks[-2].at)
    return rate, marks


def cost(bench, balancer):
    """CPU per GB, and memory per client, of many viewers at 4 Mbit/s."""
    if not balancer.is_there():
        return []
    # A curl for each viewer: half as many fill this machine.
    counts = (10, 50) if bench.quick else (20, 100) if balancer.secure else (40, 200)
    watched = watched_by_curl if balancer.secure else watched_by_load
    edge, relay, memory = [], [], []
    for _ in range(bench.repeats):
        bench.wait_for_quiet()
        site = Site(bench, balancer)
        bench.start_publisher(site.front)
        rate, (_, few, before, after) = watched(bench, site, counts, 1000 if bench.quick else 5000)
        bench.stop_all()
        gigabytes = rate * (after.at - before.at) / 1e9
        edge.append((after.edge_cpu - before.edge_cpu) / gigabytes)
        relay.append((after.relay_cpu - before.relay_cpu) / gigabytes)
        memory.append((after.edge_bytes - few.edge_bytes) / (counts[1] - counts[0]))
    viewers = f"{counts[1]} viewers" + (" in curl" if balancer.secure else "")
    rows = [Row(f"{balancer.prefix}relay_cpu", relay, f"CPU-s/GB, {viewers}")]
    if balancer.program:
        rows += [Row(f"{balancer.prefix}cpu", edge, f"CPU-s/GB, {viewers}"),
                 Row(f"{balancer.prefix}memory", memory,
                     f"bytes, {counts[1]} viewers above {counts[0]}; sockets not counted")]
    return rows


# That nothing is held back.

RATE, VIEWERS = 100_000_000, 8
PACKET = 188
FRAME = (RATE // 30 + PACKET * 4) // (PACKET * 8) * PACKET  # bytes, all alike: ts_source.hpp
HELD = 5  # seconds: longer than anything that only waits for its turn


class Bursts:
    """A stream that stops and goes on, and viewers that must have all of it when it stops."""

    def __init__(self, bench, site):
        self.source = bench.start(
            [bench.tools / "publish", "--dump", "/dev/stdout", "--bit-rate", RATE,
             "--seconds", 3600], (1,), pipes=True).process.stdout
        self.publisher = CurlPublisher(site)
        self.site, self.viewers = site, []
        self.sent = 0  # bytes
        self.waits = []  # seconds from a burst's last byte until everybody had it

    def send(self, frames):
        began = time.monotonic()
        for number in range(frames):
            data = self.source.read(FRAME)
            if len(data) < FRAME:
                raise Failed("there is no more to publish")
            time.sleep(max(0, began + number / 30 - time.monotonic()))
            self.publisher.send(data)
            self.sent += len(data)

    def begin(self):
        """With the first burst, which is the beginning of a group: new viewers get all of it."""
        self.send(10)
        time.sleep(0.5)
        self.viewers = [CurlViewer(self.site) for _ in range(VIEWERS)]
        self.wait()
        self.waits.clear()  # they had to connect

    def wait(self):
        stopped = time.monotonic()
        while (waited := time.monotonic() - stopped) < HELD:
            missing = [self.sent - one.received() for one in self.viewers]
            if max(missing) <= 0:
                break
            time.sleep(0.002)
        if any(missing):
            raise Failed(f"{self.site.balancer.title}: {HELD} s after a burst viewers miss "
                         f"{', '.join(map(str, missing))} bytes of {self.sent}")
        self.waits.append(waited)

    def through(self):
        """Bytes, in and out."""
        return self.sent * (1 + len(self.viewers))


def held_back(bench, balancer):
    """Nothing more is sent, and everything is there: nobody waits for a buffer to be full."""
    if not balancer.is_there():
        return []
    goal, frames = (200e6, 10) if bench.quick else (2e9, 60)
    site = Site(bench, balancer, more="memory: {arena: 1GiB}\n",
                env={"SPANCAST_VIEWER_SLOW": "catch_up", "SPANCAST_VIEWER_MAX_LAG": "1m"})
    bursts = Bursts(bench, site)
    bursts.begin()
    while bursts.through() < goal:
        bursts.send(frames + len(bursts.waits))  # another one's end, another place in a buffer
        bursts.wait()
    bench.stop_all()
    return [Row(f"{balancer.prefix}held", [1000 * max(bursts.waits)],
                f"ms, the longest of {len(bursts.waits)} bursts of {RATE / 1e6:.0f} Mbit/s to "
                f"{VIEWERS} viewers; {bursts.through() / 1e9:.2f} GB in and out")]

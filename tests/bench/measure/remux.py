"""What it costs to convert: from one container to the other, for the first viewer of it."""

import statistics
import time

from .figures import Row
from .processes import SendTimes, cpu_seconds
from .ways import REMUX

GROUP_SECONDS = 4


def cpu_of_one_viewer(bench, relay, way):
    """CPU seconds of the relay per ingested GB while one viewer of this container watches."""
    sent = SendTimes(relay.times / "0.times")
    marks = []
    mark = lambda _: marks.append((cpu_seconds(relay.pid), sent.bytes))
    bench.require_share(bench.run_load(
        relay, 1, mark, mark, follow=False, **way.viewer, settle_ms=1000,
        window_ms=2000 if bench.quick else 8000, slack=450_000))
    (cpu, ingested), (cpu_after, ingested_after) = marks
    return (cpu_after - cpu) / ((ingested_after - ingested) / 1e9)


def cpu(bench):
    """What a viewer of the other container costs above one of the publisher's own."""
    rows = []
    for way in REMUX:
        above, both = [], []
        for _ in range(bench.repeats):
            bench.wait_for_quiet()
            relay = bench.start_relay()
            publisher = bench.start_publisher(relay, bit_rate=100_000_000, **way.publisher)
            both.append([cpu_of_one_viewer(bench, relay, one) for one in (way.same, way)])
            above.append(both[-1][1] - both[-1][0])
            bench.stop(publisher, relay.child)
        same, other = map(statistics.median, zip(*both))
        rows.append(Row(way.prefix + "cpu", above,
                        f"CPU-s/GB at 100 Mbit/s; {other:.2f} with a viewer of the other "
                        f"container, {same:.2f} with one of the publisher's"))
    return rows


def first_byte(bench):
    """A feed is dropped about a second after its last viewer left, so each visit needs a new one;
    the visits come at all places of the group."""
    slowest = {way: [] for way in REMUX}
    medians = {way: [] for way in REMUX}
    for _ in range(bench.repeats):
        bench.wait_for_quiet()
        relays = [bench.start_relay() for _ in REMUX]
        publishers = [bench.start_publisher(relay, group_frames=GROUP_SECONDS * 30, **way.publisher)
                      for way, relay in zip(REMUX, relays)]
        time.sleep(GROUP_SECONDS)
        visits = []
        for way, relay in zip(REMUX, relays):
            visits.append(bench.start_visits(relay, way, 5 if bench.quick else 20,
                                             pause_us=1_723_000))
            time.sleep(0.85)  # never both at once
        for way, started in zip(REMUX, visits):
            found = bench.finish_visits(started)
            slowest[way].append(found["max"])
            medians[way].append(found["p50"])
        bench.stop(*publishers, *(relay.child for relay in relays))
    return [Row(way.prefix + "first_byte", slowest[way],
                f"ms from connect(); half of the viewers {statistics.median(medians[way]):.2f}")
            for way in REMUX]

"""The figures of time: CPU, latency, stalls. Each compares servers in interleaved runs."""

import dataclasses
import statistics

from .processes import Failed
from .ways import FMP4, TS, WIRE

FRAME_BYTES = 16900  # of one write at 4 Mbit/s: a frame with its headers


@dataclasses.dataclass
class Row:
    """One figure: its values (one per repeat), and what the reader should know about them."""
    name: str
    values: list
    note: str = ""

    def median(self):
        return statistics.median(self.values)


@dataclasses.dataclass
class Series:
    """A line of a plot: {viewers: [values]}."""
    label: str
    points: dict


def sum_of(metrics, name):
    return sum(metrics.get(name, {}).values())


def histogram_quantile(before, after, name, part):
    """From the growth of a Prometheus histogram, interpolated inside its bucket; seconds."""
    grown = {}
    for labels, value in after.get(name + "_bucket", {}).items():
        edge = next(field[4:-1] for field in labels.split(",") if field.startswith('le="'))
        was = before.get(name + "_bucket", {}).get(labels, 0)
        grown[float(edge)] = grown.get(float(edge), 0) + value - was
    total = max(grown.values(), default=0)
    if total == 0:
        return None
    low, below = 0.0, 0.0
    for edge in sorted(grown):
        if grown[edge] >= part * total:
            if edge == float("inf"):
                return low
            share = (part * total - below) / max(grown[edge] - below, 1e-12)
            return low + (edge - low) * share
        low, below = edge, grown[edge]
    return low


def measure_floor(bench, viewers, cores=(0,), load_cores=(1,), window_ms=None, **options):
    floor = bench.start_floor(cores, **options)
    slack = FRAME_BYTES * max(1, round(options.get("flush", 0) * 30 / 1000))
    step = bench.run_load(floor, viewers, cores=load_cores, window_ms=window_ms, slack=slack)[0]
    bench.stop(floor.child)
    bench.disturbed.append(step["disturbed"])
    return step


def measure_relay(bench, viewers, cores=(0,), load_cores=(1,), window_ms=None, flush="0",
                  workers=1, slack=FRAME_BYTES, way=TS):
    relay = bench.start_relay(cores, workers=workers, flush=flush)
    publisher = bench.start_publisher(relay, load_cores, **way.publisher)
    metrics = []
    take = lambda _: metrics.append(relay.metrics())
    step = bench.run_load(relay, viewers, take, take, cores=load_cores, window_ms=window_ms,
                          slack=slack, **way.viewer)[0]
    bench.stop(publisher, relay.child)
    step["metrics"] = metrics
    bench.disturbed.append(step["disturbed"])
    return step


def ratio_row(name, floors, relays, key):
    # A figure over three runs is the median of three ratios, each of two neighbouring runs.
    ratios = [relay / floor for floor, relay in zip(floors, relays)]
    return Row(name, ratios, f"floor {statistics.median(floors):.3f}, relay "
                             f"{statistics.median(relays):.3f} {key}")


def reads_per_frame(steps):
    """Above 1: frames came in pieces; below: several at once, because the server was late."""
    return statistics.median(step["reads"] / step["viewers"] / max(1, step["video_frames"])
                             for step in steps)


def not_served(step):
    return step["viewers"] - step["full"] + step["stalled"] + step["closed"]


def cost(bench, way=TS):
    viewers = 2000
    floors, relays = [], []
    for _ in range(bench.repeats):
        bench.wait_for_quiet()
        floors.append(measure_floor(bench, viewers))
        relays.append(measure_relay(bench, viewers, way=way))
    per_gb = lambda steps: [step["cpu_per_gb"] for step in steps]
    bench.costs.append((f"{way.title} 2 000 viewers, a write per frame".strip(),
                        [("floor", per_gb(floors)), ("relay", per_gb(relays))]))
    rows = [
        ratio_row(way.prefix + "cpu", per_gb(floors), per_gb(relays), "CPU-s/GB"),
        Row(way.prefix + "full_rate", [not_served(step) for step in relays],
            f"of {viewers}; least share {min(s['least_share'] for s in relays):.3f}, "
            f"floor {max(not_served(s) for s in floors)}"),
        Row(way.prefix + "fairness", [s["latency_ms"]["worst_median"] / s["latency_ms"]["mean"]
                         for s in relays],
            f"worst median {statistics.median(s['latency_ms']['worst_median'] for s in relays):.2f}"
            f" ms; the floor, which does not rotate: " + "{:.2f}".format(statistics.median(
                s["latency_ms"]["worst_median"] / s["latency_ms"]["mean"] for s in floors))),
        Row(way.prefix + "latency_2000_p99", [s["latency_ms"]["p99"] for s in relays],
            f"ms; floor {statistics.median(s['latency_ms']['p99'] for s in floors):.2f} ms"),
    ]
    rows[0].note += (f"; reads per frame {reads_per_frame(floors):.2f} and "
                     f"{reads_per_frame(relays):.2f}")
    lags = [histogram_quantile(*s["metrics"], "spancast_loop_lag_seconds", 0.99) for s in relays]
    if None not in lags:
        rows.append(Row(way.prefix + "loop_lag", [1000 * lag for lag in lags], "ms, from /metrics"))
    return rows


def cost_flush(bench):
    viewers = 1000
    floors = [[], []]
    relays = []
    for _ in range(bench.repeats):
        bench.wait_for_quiet()
        floors[0].append(measure_floor(bench, viewers, flush=100)["cpu_per_gb"])
        relays.append(measure_relay(bench, viewers, flush="100ms",
                                    slack=3 * FRAME_BYTES)["cpu_per_gb"])
        if not bench.quick:
            floors[1].append(measure_floor(bench, viewers)["cpu_per_gb"])
    bench.costs.append(("1 000 viewers, flush 100 ms", [("floor", floors[0]), ("relay", relays)]))
    row = ratio_row("cpu_flush", floors[0], relays, "CPU-s/GB")
    if floors[1]:
        row.note += f"; floor at one frame a write {statistics.median(floors[1]):.3f}"
    return [row]


def cost_wire(bench):
    """500 players over the wire beside as many viewers over HTTP."""
    viewers = 500
    over_http, over_wire = [], []
    for _ in range(bench.repeats):
        bench.wait_for_quiet()
        over_http.append(measure_relay(bench, viewers))
        over_wire.append(measure_relay(bench, viewers, way=WIRE))
    per_gb = lambda steps: [step["cpu_per_gb"] for step in steps]
    bench.costs.append((f"{viewers} viewers, over the wire",
                        [("HTTP", per_gb(over_http)), ("wire", per_gb(over_wire))]))
    ratios = [wire / http for http, wire in zip(per_gb(over_http), per_gb(over_wire))]
    note = "HTTP {:.3f}, wire {:.3f} CPU-s/GB; latency p99 {:.2f} and {:.2f} ms".format(*(
        statistics.median(values) for values in (
            per_gb(over_http), per_gb(over_wire),
            [step["latency_ms"]["p99"] for step in over_http],
            [step["latency_ms"]["p99"] for step in over_wire])))
    return [Row("wire_cpu", ratios, note),
            Row("wire_full_rate", [not_served(step) for step in over_wire], f"of {viewers}")]


def two_workers(bench):
    both = (0, 1)
    viewers = 2000
    floors, relays, single = [], [], []
    for _ in range(bench.repeats):
        bench.wait_for_quiet()
        floors.append(measure_floor(bench, viewers, both, both, threads=2))
        relays.append(measure_relay(bench, viewers, both, both, workers=2))
        single.append(measure_relay(bench, viewers, both, both))
    per_gb = lambda steps: [step["cpu_per_gb"] for step in steps]
    row = ratio_row("cpu_two_workers", per_gb(floors), per_gb(relays),
                    "CPU-s/GB; server, load and publisher share both cores")
    lost = [max(0.0, one["least_share"] - two["least_share"])
            for one, two in zip(single, relays)]
    bench.costs.append(("2 000 viewers, two workers",
                        [("floor", per_gb(floors)), ("relay", per_gb(relays))]))
    share = Row("share_two_workers", lost,
                f"least share {min(s['least_share'] for s in relays):.3f}, with one worker "
                f"{min(s['least_share'] for s in single):.3f}")
    return [row, share]


def beside_forwarder(bench, way, phases_us, published, **load):
    """Latencies of relay and forwarder at the same time, their publishers out of step."""
    servers = [bench.start_relay(), bench.start_forwarder()]
    publishers = [bench.start_publisher(server, phase_us=phase, **way.publisher, **published)
                  for server, phase in zip(servers, phases_us)]
    loads = [bench.start_load(server, 1, **way.viewer, **load) for server in servers]
    found = []
    for server, started in zip(servers, loads):
        step = bench.finish_load(started)[0]
        found.append(step["latency_ms"])
        if found[-1]["samples"] < 0.9 * step["video_frames"]:
            raise Failed(f"{server.child.name}: {found[-1]['samples']} latencies of "
                         f"{step['video_frames']} frames, {found[-1]['resyncs']} times lost")
    bench.stop(*publishers, *(server.child for server in servers))
    return found


def latency_one(bench, way=TS):
    """With publishers half a frame apart."""
    above, ratios, both = [], [], []
    window = 5000 if bench.quick else 20000
    for turn in range(bench.repeats if bench.quick else bench.repeats + 2):
        bench.wait_for_quiet()
        phases = [16667 * ((turn + i) % 2) for i in range(2)]
        relay, bare = beside_forwarder(bench, way, phases, {}, window_ms=window)
        above.append(relay["p50"] - bare["p50"])
        ratios.append(relay["p99"] / bare["p99"])
        both.append((relay["p50"], bare["p50"], relay["p99"], bare["p99"]))
    relay50, bare50, relay99, bare99 = map(statistics.median, zip(*both))
    return [Row(way.prefix + "latency_1_p50", above,
                f"ms above; relay {relay50:.3f}, forwarder {bare50:.3f}"),
            Row(way.prefix + "latency_1_p99", ratios,
                f"relay {relay99:.3f}, forwarder {bare99:.3f} ms")]


def latency_group(bench, way=FMP4):
    """All frames of a group in one fragment and at once, as encoders send that cut at keyframes:
    from just before a frame's bytes are sent, behind those of the frames before it."""
    above, both = [], []
    frames = 30 if bench.quick else 60
    for turn in range(bench.repeats if bench.quick else bench.repeats + 2):
        bench.wait_for_quiet()
        phases = [frames * 16667 * ((turn + i) % 2) for i in range(2)]
        relay, bare = beside_forwarder(
            bench, way, phases, {"group_frames": frames, "fragment_frames": frames},
            window_ms=4000 if bench.quick else 20000, settle_ms=2500 if bench.quick else 4500)
        above.append(relay["p99"] - bare["p99"])
        both.append((relay["p50"], bare["p50"], relay["p99"], bare["p99"]))
    relay50, bare50, relay99, bare99 = map(statistics.median, zip(*both))
    return [Row(way.prefix + "latency_group", above,
                f"ms above; relay {relay99:.3f}, forwarder {bare99:.3f}; "
                f"p50 {relay50:.3f} and {bare50:.3f}")]


def latency_many(bench):
    viewers = 1000
    floors, relays, bare = [], [], []
    for _ in range(bench.repeats):
        bench.wait_for_quiet()
        floors.append(measure_floor(bench, viewers)["latency_ms"]["p99"])
        relays.append(measure_relay(bench, viewers)["latency_ms"]["p99"])
        forwarder = bench.start_forwarder()
        publisher = bench.start_publisher(forwarder)
        bare.append(bench.run_load(forwarder, viewers)[0]["latency_ms"]["p99"])
        bench.stop(publisher, forwarder.child)
    row = ratio_row("latency_1000_p99", floors, relays, "ms")
    row.note += f", forwarder {statistics.median(bare):.3f} ms"
    return [row]


def first_byte(bench, way=TS):
    values = {1: [], 2: []}
    notes = []
    for _ in range(bench.repeats):
        bench.wait_for_quiet()
        for workers in values:
            relay = bench.start_relay((0,) if workers == 1 else (0, 1), workers=workers)
            publisher = bench.start_publisher(relay, **way.publisher)
            visits = bench.start_visits(relay, way, 60 if bench.quick else 400)
            found = bench.finish_visits(visits)
            bench.stop(publisher, relay.child)
            # The kernel gives half of the connections to each worker: the upper quartile of
            # all is the median of the slower half, those on the worker without the publisher.
            values[workers].append(found["p50"] if workers == 1 else found["p75"])
            notes.append(found["p99"])
    return [Row(way.prefix + "first_byte", values[1], "ms from connect()"),
            Row(way.prefix + "first_byte_other", values[2],
                f"ms, upper quartile over two workers; p99 {max(notes):.2f} ms")]


def ramp(bench):
    """Viewers up to saturation for each flush interval, and for the floor."""
    steps = [500, 1500] if bench.quick else [2000, 6000, 10000, 14000, 16000]
    modes = ("0", "auto") if bench.quick else ("floor", "0", "auto", "100ms")
    lines, held = {}, {}
    for _ in range(bench.repeats):
        bench.wait_for_quiet()
        for mode in modes:
            if mode == "floor":
                server, publisher = bench.start_floor(), None
            else:
                server = bench.start_relay(flush=mode)
                publisher = bench.start_publisher(server)
            found = bench.run_load(server, steps, stop_when_stalled=True, slack=4 * FRAME_BYTES,
                                   window_ms=2000 if bench.quick else 4000)
            bench.stop(*([publisher] if publisher else []), server.child)
            best = [step["viewers"] for step in found if not_served(step) == 0]
            held.setdefault(mode, []).append(max(best, default=0))
            for step in found:
                line = lines.setdefault(mode, {}).setdefault(step["viewers"], [])
                line.append((step["latency_ms"]["p50"], step["latency_ms"]["p99"],
                             100 * step["server_cpu"] / step["seconds"],
                             100 * step["load_cpu"] / step["seconds"]))
    bench.ramp = {
        what: [Series(mode if mode == "floor" else f"flush {mode}",
                      {count: [values[index] for values in runs] for count, runs in line.items()})
               for mode, line in lines.items()]
        for index, what in enumerate(("p50", "p99", "cpu", "load"))}
    names = {"floor": "held_floor", "0": "held_0", "auto": "held_auto", "100ms": "held_100ms"}
    rows = [Row(names[mode], held[mode]) for mode in modes]
    if min(held["0"]) > 0:
        zero, auto = (rows[modes.index(mode)] for mode in ("0", "auto"))
        auto.note = f"{auto.median() / zero.median():.2f} times those of flush 0"
    for row in rows:
        if max(row.values) == steps[-1]:
            row.note = f"{row.note} (all that were tried)".strip()
    return rows

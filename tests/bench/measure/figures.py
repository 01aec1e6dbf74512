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


@dataclasses.dataclass
class Side:
    """A server that runs beside another one: what is started, and what its viewers ask for."""
    name: str  # floor, forwarder or relay
    way: object = TS
    server: dict = dataclasses.field(default_factory=dict)  # options of floor or relay
    published: dict = dataclasses.field(default_factory=dict)  # options of the publisher


def side_by_side(bench, sides, viewers, turn, cores=(0,), load_cores=(1,), slack=FRAME_BYTES,
                 **load):
    """One step of each server, taken at the same time on the same cores: what disturbs one disturbs
    the other. Their groups of frames are out of step by half of what there is between two of
    them, so that neither waits for the other; whose comes first changes with the turn."""
    servers, publishers, loads = [], [], []
    for place, side in enumerate(sides):
        frames = side.published.get("fragment_frames", 1)
        phase = frames * 16667 * ((turn + place) % 2)
        if side.name == "floor":
            servers.append(bench.start_floor(cores, phase_us=phase, **side.server))
            continue
        servers.append(bench.start_forwarder(cores) if side.name == "forwarder"
                       else bench.start_relay(cores, **{"flush": "0"} | side.server))
        publishers.append(bench.start_publisher(
            servers[-1], load_cores, phase_us=phase, **side.way.publisher, **side.published))
    for side, server in zip(sides, servers):
        options = {} if side.name == "floor" else side.way.viewer
        loads.append(bench.start_load(server, viewers, cores=load_cores, slack=slack, **options,
                                      **load))
    steps = [found[0] for found in bench.finish_loads(*((started,) for started in loads))]
    bench.stop(*publishers, *(server.child for server in servers))
    ours = sum((step["server_cpu"] + step["load_cpu"]) / step["seconds"] for step in steps[1:])
    bench.disturbed.append(max(0.0, steps[0]["disturbed"] - ours))
    return steps


def quantile(values, part):
    return sorted(values)[int(part * len(values))]


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


def ratio_row(name, pairs, titles, value, unit):
    """What a step's value is for the second of each pair, as part of the first's."""
    first, second = ([value(step) for step in steps] for steps in zip(*pairs))
    return Row(name, [b / a for a, b in zip(first, second)],
               f"{titles[0]} {statistics.median(first):.3f}, {titles[1]} "
               f"{statistics.median(second):.3f} {unit}")


def cpu_row(bench, name, plot, pairs, titles=("floor", "relay")):
    per_gb = lambda step: step["cpu_per_gb"]
    bench.costs.append((plot, [(title, [per_gb(step) for step in steps])
                               for title, steps in zip(titles, zip(*pairs))]))
    return ratio_row(name, pairs, titles, per_gb, "CPU-s/GB")


def p99(step):
    return step["latency_ms"]["p99"]


def reads_per_frame(steps):
    """Above 1: frames came in pieces; below: several at once, because the server was late."""
    return statistics.median(step["reads"] / step["viewers"] / max(1, step["video_frames"])
                             for step in steps)


def not_served(step):
    return step["viewers"] - step["full"] + step["stalled"] + step["closed"]


def cost(bench, way=TS):
    viewers = 2000
    pairs, alone = [], []
    for turn in range(bench.repeats):
        bench.wait_for_quiet()
        pairs.append(side_by_side(bench, (Side("floor"), Side("relay", way)), viewers, turn))
        alone.append(measure_relay(bench, viewers, way=way))
    floors, relays = zip(*pairs)
    cpu = cpu_row(bench, way.prefix + "cpu",
                  f"{way.title} 2 000 viewers, a write per frame".strip(), pairs)
    cpu.note += (f"; reads per frame {reads_per_frame(floors):.2f} and "
                 f"{reads_per_frame(relays):.2f}; not at full rate "
                 f"{max(map(not_served, floors))} and {max(map(not_served, relays))}")
    fairness = lambda step: step["latency_ms"]["worst_median"] / step["latency_ms"]["mean"]
    rows = [
        cpu,
        Row(way.prefix + "full_rate", [not_served(step) for step in alone],
            f"of {viewers}; least share {min(s['least_share'] for s in alone):.3f}"),
        Row(way.prefix + "fairness", [fairness(step) for step in alone],
            f"worst median {statistics.median(s['latency_ms']['worst_median'] for s in alone):.2f}"
            f" ms; the floor, which does not rotate: {statistics.median(map(fairness, floors)):.2f}"),
        Row(way.prefix + "latency_2000_p99", [p99(step) for step in alone],
            f"ms; floor and relay side by side {statistics.median(map(p99, floors)):.2f} and "
            f"{statistics.median(map(p99, relays)):.2f} ms"),
    ]
    lags = [histogram_quantile(*s["metrics"], "spancast_loop_lag_seconds", 0.99) for s in alone]
    if None not in lags:
        rows.append(Row(way.prefix + "loop_lag", [1000 * lag for lag in lags], "ms, from /metrics"))
    return rows


def cost_flush(bench):
    pairs = []
    for turn in range(bench.repeats):
        bench.wait_for_quiet()
        pairs.append(side_by_side(
            bench, (Side("floor", server={"flush": 100}), Side("relay", server={"flush": "100ms"})),
            1000, turn, slack=3 * FRAME_BYTES))
    return [cpu_row(bench, "cpu_flush", "1 000 viewers, flush 100 ms", pairs)]


def cost_wire(bench):
    """500 players over the wire beside as many viewers over HTTP."""
    viewers = 500
    pairs = []
    for turn in range(bench.repeats):
        bench.wait_for_quiet()
        pairs.append(side_by_side(bench, (Side("relay"), Side("relay", WIRE)), viewers, turn))
    over_http, over_wire = zip(*pairs)
    row = cpu_row(bench, "wire_cpu", f"{viewers} viewers, over the wire", pairs, ("HTTP", "wire"))
    row.note += "; latency p99 {:.2f} and {:.2f} ms".format(
        statistics.median(map(p99, over_http)), statistics.median(map(p99, over_wire)))
    return [row, Row("wire_full_rate", [not_served(step) for step in over_wire], f"of {viewers}")]


def two_workers(bench):
    both = (0, 1)
    pairs, single, double = [], [], []
    for turn in range(bench.repeats):
        bench.wait_for_quiet()
        pairs.append(side_by_side(
            bench, (Side("floor", server={"threads": 2}), Side("relay", server={"workers": 2})),
            1000, turn, both, both))
        single.append(measure_relay(bench, 2000, both, both))
        double.append(measure_relay(bench, 2000, both, both, workers=2))
    row = cpu_row(bench, "cpu_two_workers", "1 000 viewers, two workers", pairs)
    row.note += "; servers, load and publisher share both cores"
    lost = [max(0.0, one["least_share"] - two["least_share"])
            for one, two in zip(single, double)]
    share = Row("share_two_workers", lost,
                f"of 2000; least share {min(s['least_share'] for s in double):.3f}, with one "
                f"worker {min(s['least_share'] for s in single):.3f}")
    return [row, share]


def beside_forwarder(bench, way, turn, published=None, **load):
    """Latencies of relay and forwarder with one viewer each."""
    sides = [Side(name, way, published=published or {}) for name in ("relay", "forwarder")]
    steps = side_by_side(bench, sides, 1, turn, **load)
    for side, step in zip(sides, steps):
        latency = step["latency_ms"]
        if latency["samples"] < 0.9 * step["video_frames"]:
            raise Failed(f"{side.name}: {latency['samples']} latencies of "
                         f"{step['video_frames']} frames, {latency['resyncs']} times lost")
    return [step["latency_ms"] for step in steps]


def p99_of_parts(latency, frames):
    """Of each part of the window with so many frames; of all, if they are fewer."""
    values = latency["in_order"]
    return [quantile(values[begin:begin + frames], 0.99)
            for begin in range(0, max(1, len(values) - frames + 1), frames)]


def latency_one(bench, way=TS):
    """The p99 of ten seconds each: bursts of a shared machine, one or two a minute, decide that of
    more, but not the median of many. The ratios of such parts were seen from 0.4 to 5, and the
    median of 12 differed by 0.3 between runs: hence 18."""
    medians, both = [], []
    for turn in range(bench.repeats if bench.quick else 2 * bench.repeats):
        bench.wait_for_quiet()
        pair = beside_forwarder(bench, way, turn, window_ms=10000 if bench.quick else 30500)
        medians.append([latency["p50"] for latency in pair])
        both += zip(*(p99_of_parts(latency, 300) for latency in pair))
    return [Row(way.prefix + "latency_1_p50", [relay - bare for relay, bare in medians],
                "ms above; relay {:.3f}, forwarder {:.3f}".format(
                    *map(statistics.median, zip(*medians)))),
            Row(way.prefix + "latency_1_p99", [relay / bare for relay, bare in both],
                "of ten seconds each; relay {:.3f}, forwarder {:.3f} ms".format(
                    *map(statistics.median, zip(*both))))]


def latency_group(bench, way=FMP4):
    """All frames of a group in one fragment and at once, as encoders send that cut at keyframes:
    from just before a frame's bytes are sent, behind those of the frames before it."""
    above, both = [], []
    frames = 30 if bench.quick else 60
    for turn in range(bench.repeats):
        bench.wait_for_quiet()
        relay, bare = beside_forwarder(
            bench, way, turn, {"group_frames": frames, "fragment_frames": frames},
            window_ms=4000 if bench.quick else 20000, settle_ms=2500 if bench.quick else 4500)
        above.append(relay["p99"] - bare["p99"])
        both.append((relay["p50"], bare["p50"], relay["p99"], bare["p99"]))
    relay50, bare50, relay99, bare99 = map(statistics.median, zip(*both))
    return [Row(way.prefix + "latency_group", above,
                f"ms above; relay {relay99:.3f}, forwarder {bare99:.3f}; "
                f"p50 {relay50:.3f} and {bare50:.3f}")]


def latency_many(bench):
    viewers = 1000
    pairs = []
    for turn in range(bench.repeats):
        bench.wait_for_quiet()
        pairs.append(side_by_side(bench, (Side("floor"), Side("relay")), viewers, turn))
    return [ratio_row("latency_1000_p99", pairs, ("floor", "relay"), p99, "ms")]


def first_byte(bench, way=TS):
    values = {1: [], 2: []}
    notes = []
    for _ in range(bench.repeats):
        bench.wait_for_quiet()
        for workers in values:
            relay = bench.start_relay((0,) if workers == 1 else (0, 1), workers=workers)
            publisher = bench.start_publisher(relay, **way.publisher)
            visits = bench.start_visits(relay, way, 60 if bench.quick else 200)
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
    """Viewers up to saturation for each flush interval."""
    steps = [500, 1500] if bench.quick else [2000, 8000, 12000, 16000]
    modes = ("0", "auto") if bench.quick else ("0", "auto", "100ms")
    lines, held = {}, {}
    for _ in range(bench.repeats):
        bench.wait_for_quiet()
        for mode in modes:
            server = bench.start_relay(flush=mode)
            publisher = bench.start_publisher(server)
            found = bench.run_load(server, steps, stop_when_stalled=True, slack=4 * FRAME_BYTES,
                                   connects=2000, settle_ms=1000,
                                   window_ms=2000 if bench.quick else 4000)
            bench.stop(publisher, server.child)
            best = [step["viewers"] for step in found if not_served(step) == 0]
            held.setdefault(mode, []).append(max(best, default=0))
            for step in found:
                line = lines.setdefault(mode, {}).setdefault(step["viewers"], [])
                line.append((step["latency_ms"]["p50"], step["latency_ms"]["p99"],
                             100 * step["server_cpu"] / step["seconds"],
                             100 * step["load_cpu"] / step["seconds"]))
    bench.ramp = {
        what: [Series(f"flush {mode}", {count: [values[index] for values in runs]
                                        for count, runs in line.items()})
               for mode, line in lines.items()]
        for index, what in enumerate(("p50", "p99", "cpu", "load"))}
    names = {"0": "held_0", "auto": "held_auto", "100ms": "held_100ms"}
    rows = [Row(names[mode], held[mode]) for mode in modes]
    if min(held["0"]) > 0:
        zero, auto = (rows[modes.index(mode)] for mode in ("0", "auto"))
        auto.note = f"{auto.median() / zero.median():.2f} times those of flush 0"
    for row in rows:
        if max(row.values) == steps[-1]:
            row.note = f"{row.note} (all that were tried)".strip()
    return rows

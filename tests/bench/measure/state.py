"""What it costs that the relay comes back knowing its streams, publishers and viewers."""

import pathlib
import statistics
import subprocess
import tempfile
import time

from .figures import Row, sum_of
from .processes import Failed, cpu_seconds
from .ways import WIRE

SECRET = "the-secret-of-this-benchmark"
BIT_RATE = 400_000


def settings(folder):
    return f"state: {{path: {folder}}}\ncluster: {{secret: '{SECRET}'}}\nsession: {{ttl: 1h}}\n"


def start(bench):
    """From the start until it listens, and knows them all."""
    streams, viewers = 1_000, 49_000
    records = 2 * (streams + viewers)
    values, sizes = [], []
    for _ in range(bench.repeats):
        with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
            subprocess.run([bench.tools / "state_fill", folder, SECRET, str(streams), str(viewers)],
                           check=True)
            sizes.append(pathlib.Path(folder, "state.sqlite").stat().st_size)
            started = time.monotonic()
            relay = bench.start_relay(more=settings(folder))
            values.append(time.monotonic() - started)
            metrics = relay.metrics()
            known = sum_of(metrics, "spancast_state_records")
            # Publishers that a kill has left have a lease from now on.
            if known < records or sum_of(metrics, "spancast_state_damaged_records_total"):
                raise Failed(f"{known:.0f} records, not {records}")
            bench.stop(relay.child)
    return [Row("state_start", values, f"s, {streams} streams with publishers, {viewers} viewers "
                f"with leases; {statistics.median(sizes) / 1e6:.0f} MB")]


def commits(bench):
    """Of the steady state: streams and viewers over the wire, and nothing that comes or goes."""
    streams, viewers, seconds = (20, 100, 12) if bench.quick else (200, 1_000, 30)
    costs, rates, parts = [], [], []
    for _ in range(bench.repeats):
        bench.wait_for_quiet()
        with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
            relay = bench.start_relay(more=settings(folder))
            bench.start_publisher(relay, streams=streams, bit_rate=BIT_RATE, **WIRE.publisher)
            marks = []

            def mark(_, relay=relay, marks=marks):
                marks.append((relay.metrics(), cpu_seconds(relay.pid), time.monotonic()))
            bench.run_load(relay, viewers, mark, mark, follow=False, window_ms=seconds * 1000,
                           **WIRE.viewer)
            (before, cpu, began), (after, cpu_after, ended) = marks

            def grown(name):
                return sum_of(after, name) - sum_of(before, name)
            count = grown("spancast_state_commits_total")
            if not count or grown("spancast_state_failures_total"):
                raise Failed("state is not committed")
            lasted = ended - began
            costs.append(grown("spancast_state_commit_seconds_total") / count * 1e3)
            rates.append(grown("spancast_state_bytes_total") / lasted / 1e3)
            parts.append((count / lasted, grown("spancast_state_records_total") / count,
                          grown("spancast_state_commit_seconds_total") / lasted,
                          (cpu_after - cpu) / lasted))
            bench.stop_all()
    rate, records, busy, cpu = map(statistics.median, zip(*parts))
    return [Row("state_commit", costs, f"ms, {streams} streams, {viewers} viewers; {rate:.1f} a "
                f"second of {records:.0f} records, {busy:.1%} of the lane's time; the relay's CPU "
                f"{cpu:.1%}"),
            Row("state_bytes", rates, "kB of records per second")]

"""spancast-camera and spancast-player with a relay between them.

Issue 5's lengths with --long, brief ones without. Times are printed here and checked by
`tests/bench`, which waits for a quiet machine.
"""

import time

import pytest

import programs
import wire_client

pytestmark = pytest.mark.release

STREAM = "/live/cam"
UNREACHABLE = 3  # exit code: the retries are used up


def is_long(request):
    return request.config.getoption("--long")


def test_every_frame_arrives_once_and_soon(start, request):
    relay = start(programs.CONFIG)
    frames = 1800 if is_long(request) else 120
    with programs.camera(relay.http_port, "--size", "1280x720", "--fps", "30",
                         small=False) as camera:
        relay.wait_stream("live/cam", lambda stream: stream["live"])
        with programs.player(relay.http_port, "--frames", str(frames)) as player:
            report = player.end(timeout=frames / 30 + 60)
        camera.interrupt()
        camera.end()
    programs.check_every_frame(report)
    assert report["frames_decoded"] >= frames
    latency = report["latency_ms"]
    print(f"wire: {frames} frames, latency p50 {latency['p50']} ms, p99 {latency['p99']} ms, "
          f"max {latency['max']} ms, startup {report['startup_ms']} ms")


def test_a_camera_that_is_killed_is_one_gap(start):
    relay = start(programs.CONFIG)
    with wire_client.Player(relay.http_port, STREAM) as watcher, \
            programs.player(relay.http_port) as player:
        with programs.camera(relay.http_port) as camera:
            watcher.wait_chunks(60)
            camera.process.kill()
            camera.process.wait()
        killed = time.time()
        with programs.camera(relay.http_port) as camera:
            watcher.wait_gaps(1, 60)
            watcher.wait_chunks(len(watcher.chunks) + 60)
            camera.interrupt()
            camera.end()
            report = player.end()
        (gap,) = watcher.gaps
        assert gap.reason == "PUBLISHER" and gap.end[1] == 0
        at = watcher.events.index(gap)
        before = watcher.events[at - 1]
        after = next(one for one in watcher.events[at:] if isinstance(one, wire_client.Received))
        assert gap.start == (before.epoch, before.sequence + 1) and gap.end == after.position
        # How long: nothing is of the time in which there was no camera.
        assert before.chunk.utc_us <= killed * 1e6 <= after.chunk.utc_us == gap.to_utc_us
    assert report["gaps"] == 1 and report["reconnects"] == 0


def test_a_second_camera_waits_for_its_turn(start):
    relay = start(programs.CONFIG)
    with programs.camera(relay.http_port) as first:
        relay.wait_stream("live/cam", lambda stream: stream["live"])
        with programs.camera(relay.http_port, "--retry", "0") as second:
            second.end(UNREACHABLE, timeout=60)
        with programs.camera(relay.http_port) as second, \
                programs.player(relay.http_port) as player:
            player.wait_frames(30)
            relay.wait_log("in_use")
            first.process.kill()
            player.wait(lambda report: report["gaps"] == 1, "gap")
            player.wait_frames(player.last["frames_decoded"] + 30)
            second.interrupt()
            second.end()


@pytest.mark.parametrize("published, watched", [("ts", "mp4"), ("mp4", "ts")])
def test_programs_speak_http_too(start, published, watched):
    relay = start(programs.CONFIG)
    url = f"http://127.0.0.1:{relay.http_port}{STREAM}"
    with programs.Program("spancast-camera", "test", f"{url}.{published}",
                          *programs.SMALL) as camera:
        relay.wait_stream("live/cam", lambda stream: stream["live"])
        with programs.Program("spancast-player", "--headless", f"{url}.{watched}", "--frames",
                              "30") as player:
            report = player.end(timeout=60)
        camera.interrupt()
        camera.end()
    assert report["frames_decoded"] >= 30 and report["frame_numbers"]["missing"] == 0


def test_many_players_of_one_camera(start):
    """Not their cost, which tests/bench measures: that each gets everything."""
    relay = start({**programs.CONFIG, "workers": 2})
    with programs.camera(relay.http_port, "--size", "320x180", small=False) as camera:
        relay.wait_stream("live/cam", lambda stream: stream["live"])
        players = [wire_client.Player(relay.http_port, STREAM, keep_payload=False)
                   for _ in range(20)]
        for one in players:
            one.start()
        for one in players:
            one.wait_chunks(60)
        camera.interrupt()
        camera.end()
        for one in players:
            assert one.wait_end().reason == "ENDED"
            one.check_once(one.chunks[0].sequence, one.chunks[-1].sequence + 1)
    assert len({one.chunks[-1].sequence for one in players}) == 1

"""What crosses workers. This is also what runs under ThreadSanitizer."""

import pytest

import client
import media as media_module
import mpegts
import tools

pytestmark = pytest.mark.threads
MARKER_PID = 0x1F0


@pytest.fixture
def two(start):
    # The clips come faster than they play: nobody is to wait for the clock.
    return start({"workers": 2, "publisher": {"grace": "2s", "ahead": "1h"}})


def one_second(clip):
    """The first keyframe group of a clip, with its tables."""
    data = clip.data[mpegts.first_pat(clip.data):]
    keys = [offset for offset, unit in mpegts.units(data, mpegts.video_pid(data))
            if mpegts.is_key_unit(unit)]
    at = keys[1]
    while mpegts.pid_of(data[at:at + 188]) != 0:
        at -= 188
    return data[:at]


def test_viewers_on_both_workers_get_every_byte(start, media):
    relay = start({"workers": 2})
    viewers = [relay.watch("/live/cam.ts?wait=20") for _ in range(12)]
    response = relay.publish("/live/cam.ts", media.rich, speed=4).wait()
    assert response.status == 200
    for viewer in viewers:
        assert bytes(viewer.wait_end().body) == media.rich.watched_from_start
        assert viewer.complete


def test_late_viewers_on_both_workers_start_with_a_keyframe(two, media):
    publisher = two.publish("/live/cam.ts", media.rich, speed=2)
    two.wait_stream("live/cam", lambda stream: stream["tail"].get("seconds", 0) > 2)
    viewers = [two.watch("/live/cam.ts") for _ in range(8)]
    assert publisher.wait().status == 200
    for viewer in viewers:
        viewer.wait_end()
        (_, end, _), = mpegts.runs(bytes(viewer.body), media.rich.data)
        assert end == len(media.rich.data)
        assert mpegts.first_video_is_key(bytes(viewer.body))


@pytest.mark.parametrize("times", [50, pytest.param(1000, marks=pytest.mark.long)])
def test_many_reconnects_of_the_publisher(two, media, times):
    """Every connection lands on some worker, is handed to the home worker, and nobody notices."""
    group = one_second(media.rich)
    viewers = [two.watch("/live/cam.ts?wait=60") for _ in range(6)]
    two.wait_waiting(6)
    for number in range(times):
        mark = mpegts.private_packet(MARKER_PID, number, b"connection %06d" % number, 0)
        response = client.request(two.http_port, "PUT", "/live/cam.ts", body=group + mark)
        assert response.status == 200, f"connection {number}: {response.body}"
        assert int(response.json()["bytes"]) == len(group) + len(mark)
    assert list(two.streams()) == ["live/cam"]
    for viewer in viewers:
        viewer.wait_end()
        assert viewer.complete
        marks = [mpegts.payload_of(packet)[14:] for packet in mpegts.packets(bytes(viewer.body))
                 if mpegts.pid_of(packet) == MARKER_PID]
        assert marks == [b"connection %06d" % number for number in range(times)]
        private = list(mpegts.units(bytes(viewer.body), media_module.PRIVATE_PID))
        assert len(private) == times * len(list(mpegts.units(group, media_module.PRIVATE_PID)))


def test_publishers_and_viewers_come_and_go_on_many_streams(two, media):
    publishers = [two.publish(f"/live/{number}.ts", media.plain, speed=3) for number in range(6)]
    for _ in range(4):
        for number in range(6):
            two.watch(f"/live/{number}.ts?wait=5").wait_bytes(10_000).close()
    assert {publisher.wait().status for publisher in publishers} == {200}


def test_ffmpeg_publishes_to_two_workers(two, media, tmp_path):
    viewers = [two.watch("/live/cam.ts?wait=20") for _ in range(4)]
    two.wait_waiting(4)
    with tools.ffmpeg_publish(media.plain.path, two.url("/live/cam.ts")) as ffmpeg:
        ffmpeg.result()
    for viewer in viewers:
        viewer.wait_end()
        assert bytes(viewer.body) == bytes(viewers[0].body)
    assert tools.check_decodes(tmp_path, viewers[0].body) == 25 * media.plain.seconds


def test_a_slow_viewer_on_each_worker(start, media):
    relay = start({"workers": 2, "viewer": {"max_lag": "500ms", "stall_timeout": "2s"}})
    healthy = [relay.watch("/live/cam.ts?wait=20") for _ in range(4)]
    stalled = [relay.watch("/live/cam.ts?wait=20", receive_buffer=4096) for _ in range(4)]
    publisher = relay.publish("/live/cam.ts", media.heavy, speed=1.5)
    for viewer in stalled:
        viewer.wait_bytes(1)
        viewer.pause()
    assert publisher.wait().status == 200
    for viewer in healthy:
        assert bytes(viewer.wait_end().body) == media.heavy.watched_from_start
    assert relay.metric("spancast_viewer_ends_total", reason="stalled") == 4

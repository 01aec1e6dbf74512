"""What is watched is what was published."""

import pytest

import client
import media as media_module
import mpegts
import tools

pytestmark = pytest.mark.release


@pytest.mark.parametrize("name", ["plain", "rich", "hevc", "audio", "heavy"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_viewer_gets_every_byte_from_the_first_pat_on(start, media, tmp_path, name, workers):
    clip = getattr(media, name)
    relay = start({"workers": workers})
    viewers = [relay.watch("/live/cam.ts?wait=20") for _ in range(workers * 2)]
    # Not faster: who lags max_lag of media time behind is skipped forward, and that is right.
    assert relay.publish("/live/cam.ts", clip, speed=2).wait().status == 200
    for viewer in viewers:
        viewer.wait_end()
        assert viewer.complete
        assert bytes(viewer.body) == clip.watched_from_start
    if name != "audio":
        assert tools.check_decodes(tmp_path, viewers[0].body) == 25 * clip.seconds


def test_tracks_and_private_data_are_among_it(media):
    """So that the test above says what it claims."""
    assert set(mpegts.streams(media.rich.data).values()) == {0x1B, 0x0F, 0x06}
    assert len(mpegts.streams(media.rich.data)) == 4
    assert len(list(mpegts.units(media.rich.data, media_module.PRIVATE_PID))) > 20


@pytest.mark.parametrize("speed", [1, 3])
def test_late_viewers_start_with_a_keyframe_and_miss_nothing_after_it(
        relay, media, tmp_path, speed):
    clip = media.rich
    publisher = relay.publish("/live/cam.ts", clip, speed=speed)
    viewers = []
    for seconds in (1, 2, 3):
        relay.wait_stream("live/cam",
                          lambda stream, s=seconds: stream["tail"].get("seconds", 0) > s)
        viewers.append(relay.watch("/live/cam.ts"))
    assert publisher.wait().status == 200
    starts = []
    for number, viewer in enumerate(viewers):
        viewer.wait_end()
        assert viewer.complete
        (begin, end, _), = mpegts.runs(bytes(viewer.body), clip.data)
        assert end == len(clip.data)
        assert mpegts.first_video_is_key(bytes(viewer.body))
        assert [mpegts.pid_of(p) for p in mpegts.packets(bytes(viewer.body[:376]))] == [
            0, mpegts.pmt_pid(clip.data)]
        assert tools.check_decodes(tmp_path, viewer.body) > 0, f"viewer {number}"
        starts.append(begin)
    assert starts == sorted(starts) and starts[0] < starts[2]


def test_two_viewers_of_different_streams_do_not_meet(relay, media):
    viewers = [relay.watch("/live/a.ts?wait=20"), relay.watch("/live/b.ts?wait=20")]
    publishers = [relay.publish("/live/a.ts", media.plain, speed=4),
                  relay.publish("/live/b.ts", media.rich, speed=4)]
    for viewer, publisher, clip in zip(viewers, publishers, (media.plain, media.rich)):
        assert publisher.wait().status == 200
        assert bytes(viewer.wait_end().body) == clip.watched_from_start


def test_many_viewers_all_get_every_byte(relay, media):
    viewers = [relay.watch("/live/cam.ts?wait=20") for _ in range(60)]
    relay.publish("/live/cam.ts", media.rich, speed=5).wait()
    for viewer in viewers:
        assert bytes(viewer.wait_end().body) == media.rich.watched_from_start


def test_a_frame_leaves_when_it_has_arrived(relay, media):
    """Without waiting for the next one: the last frame's end is known or 10 ms of silence pass."""
    data = media.plain.data
    pid = mpegts.video_pid(data)
    unit_starts = [offset for offset, _ in mpegts.units(data, pid)]
    viewer = relay.watch("/live/cam.ts?wait=20")
    with relay.connect() as publisher:
        publisher.send_head("PUT", "/live/cam.ts", {"Transfer-Encoding": "chunked"})
        sent = 0
        for end in unit_starts[10:30]:
            publisher.send_chunk(data[sent:end])
            sent = end
            viewer.wait_bytes(sent - mpegts.first_pat(data), timeout=2)
        publisher.send_chunk(b"")
        assert publisher.read_response().status == 200


@pytest.mark.parametrize("cut", [1, 100, 187])
def test_a_body_that_ends_inside_a_packet_loses_only_that(relay, media, cut):
    data = media.plain.data[:188 * 500 + cut]
    viewer = relay.watch("/live/cam.ts?wait=20")
    assert client.request(relay.http_port, "PUT", "/live/cam.ts", body=data).status == 200
    viewer.wait_end()
    assert viewer.complete
    (_, end, _), = mpegts.runs(bytes(viewer.body), media.plain.data)
    assert end == 188 * 500

"""Getting out over HTTP: heads, ends, waiting, what a browser or a script may ask."""

import time

import pytest

import client
import mp4
import mpegts
import sources

pytestmark = pytest.mark.release

TYPES = {"ts": "video/mp2t", "mp4": "video/mp4"}
# A constant 2 Mbit/s in all, as a camera sends it.
CAMERA = sources.Source("camera", "", (
    "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "60", "-b:v", "1900k",
    "-minrate", "1900k", "-maxrate", "1900k", "-bufsize", "500k", "-x264-params",
    "nal-hrd=cbr:force-cfr=1"), rate="30", size="320x180")

@pytest.fixture
def live(relay, media):
    """A stream that is live for the whole test."""
    relay.publish("/live/cam.ts", media.sparse)
    relay.wait_stream("live/cam", lambda stream: stream.get("tracks"))
    return relay


def check_media_head(response, extension="ts"):
    assert response.status == 200
    assert response.headers["content-type"] == TYPES[extension]
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["access-control-allow-origin"] == "*"
    assert "content-length" not in response.headers


@pytest.mark.parametrize("extension", TYPES)
def test_a_response_of_http_1_1_is_chunked(live, extension):
    viewer = live.watch(f"/live/cam.{extension}").wait_bytes(20 * mpegts.PACKET)
    assert viewer.response.version == "HTTP/1.1" and viewer.response.chunked
    check_media_head(viewer.response, extension)


def test_a_response_of_http_1_0_ends_with_the_connection(relay, media):
    viewer = relay.watch("/live/cam.ts?wait=20", version="1.0")
    relay.publish("/live/cam.ts", media.plain, speed=8).wait()
    viewer.wait_end()
    assert not viewer.response.chunked
    check_media_head(viewer.response)
    assert bytes(viewer.body) == media.plain.watched_from_start


@pytest.mark.parametrize("container", ["ts", "mp4"])
def test_mp4_of_http_1_0_is_whole_boxes_too(relay, media, container):
    viewers = [relay.watch("/live/cam.mp4?wait=20&slow=catch_up", version=version)
               for version in ("1.0", "1.1")]
    clip = media.in_container("plain", container)
    relay.publish(f"/live/cam.{container}", clip, speed=3).wait()
    for viewer in viewers:
        viewer.wait_end()
        check_media_head(viewer.response, "mp4")
        assert len(mp4.Movie(viewer.body).of("video").samples) == 25 * clip.seconds
    assert not viewers[0].response.chunked
    assert viewers[0].body == viewers[1].body


@pytest.mark.parametrize("extension", TYPES)
def test_head_has_the_head_of_get_and_no_body(live, extension):
    with live.connect() as connection:
        response = connection.request("HEAD", f"/live/cam.{extension}")
        check_media_head(response, extension)
        assert connection.request("GET", "/healthz").status == 200


@pytest.mark.parametrize("extension", ["mkv", "m4s", "mp", "mp4.", "MP4"])
def test_an_extension_we_do_not_know_is_refused(live, extension):
    assert live.get(f"/live/cam.{extension}").status in (404, 415)


def test_a_range_is_ignored(live):
    viewer = live.watch("/live/cam.ts", headers={"Range": "bytes=0-1000"}).wait_bytes(2000)
    assert viewer.response.status == 200
    assert "content-range" not in viewer.response.headers


def test_options_tells_browsers_what_is_allowed(relay):
    response = client.request(relay.http_port, "OPTIONS", "/live/cam.ts", {
        "Origin": "http://example.org", "Access-Control-Request-Method": "GET"})
    assert response.status in (200, 204)
    assert response.headers["access-control-allow-origin"] == "*"
    assert "GET" in response.headers["access-control-allow-methods"]


def test_a_connection_lives_on_after_a_response(relay, media):
    with relay.connect() as connection:
        assert connection.request("GET", "/live/cam.ts").status == 404
        connection.send_head("GET", "/live/cam.ts?wait=20")
        relay.publish("/live/cam.ts", media.plain, speed=8)
        assert connection.read_response().body == media.plain.watched_from_start
        assert connection.request("GET", "/healthz").status == 200


def test_requests_may_follow_without_waiting(relay):
    with relay.connect() as connection:
        for _ in range(3):
            connection.send_head("GET", "/healthz")
        assert [connection.read_response().status for _ in range(3)] == [200, 200, 200]


def test_a_missing_stream_is_404_with_a_line(relay):
    response = relay.get("/live/none.ts")
    assert response.status == 404
    assert response.body.endswith(b"\n") and response.body.count(b"\n") == 1
    assert response.headers["access-control-allow-origin"] == "*"


def test_waiting_for_a_stream_ends_with_404(relay):
    began = time.monotonic()
    assert relay.get("/live/none.ts?wait=1").status == 404
    assert 0.9 < time.monotonic() - began < 5


def test_waiting_for_a_stream_ends_when_it_comes(relay, media):
    viewer = relay.watch("/live/cam.ts?wait=30")
    relay.publish("/live/cam.ts", media.plain, speed=8).wait()
    viewer.wait_end()
    assert bytes(viewer.body) == media.plain.watched_from_start


@pytest.mark.parametrize("query", ["wait=x", "wait=-1", "wait="])
def test_nonsense_in_the_query_is_400(relay, query):
    assert relay.get(f"/live/cam.ts?{query}").status == 400


def test_a_viewer_that_half_closes_is_still_served(relay, media):
    relay.publish("/live/cam.ts", media.plain, speed=4)
    relay.wait_stream("live/cam", lambda stream: int(stream.get("tail", {}).get("chunks", 0)) > 0)
    viewer = relay.watch("/live/cam.ts", half_close=True)
    viewer.wait_end()
    assert viewer.complete
    assert media.plain.data.endswith(bytes(viewer.body[-len(media.plain.data) // 4:]))


def test_a_late_viewer_gets_a_picture_at_once(live, media):
    live.wait_stream("live/cam", lambda stream: stream["tail"].get("seconds", 0) > 2)
    began = time.monotonic()
    viewer = live.watch("/live/cam.ts").wait_bytes(20 * mpegts.PACKET, timeout=2)
    assert time.monotonic() - began < 1  # the next keyframe is seconds away
    seen = bytes(viewer.body[:20 * mpegts.PACKET])
    first, second = list(mpegts.packets(seen))[:2]
    assert mpegts.pid_of(first) == 0 and mpegts.pid_of(second) == mpegts.pmt_pid(media.sparse.data)
    assert mpegts.first_video_is_key(seen)


def test_a_late_viewer_of_mp4_gets_a_picture_at_once(live):
    live.wait_stream("live/cam", lambda stream: stream["tail"].get("seconds", 0) > 2)
    began = time.monotonic()
    viewer = live.watch("/live/cam.mp4").wait_bytes(3000, timeout=2)
    assert time.monotonic() - began < 1  # the next keyframe is seconds away
    viewer.close()
    top = [box.kind for box in mp4.whole_boxes(bytes(viewer.body))]
    assert top[:3] == [b"ftyp", b"moov", b"moof"]
    movie = mp4.Movie(viewer.body, cut=True)
    assert movie.of("video").entry == "avc3" and movie.of("video").samples[0].sync


@pytest.mark.parametrize("container", ["ts", "keyframe", "frame", "4s"])
def test_mp4_costs_little_more_than_its_samples(relay, media_sources, container):
    """At most 2 % at 2 Mbit/s, with a chunk for each video frame."""
    clip = media_sources.clip(CAMERA, container)
    viewer = relay.watch("/live/cam.mp4?wait=20&slow=catch_up")
    assert relay.publish(f"/live/cam{clip.path.suffix}", clip, speed=2).wait().status == 200
    viewer.wait_end()
    movie = mp4.Movie(viewer.body)
    frames = movie.of("video").samples
    assert len(frames) == 30 * clip.seconds
    # In MPEG-TS the first frames wait for the first audio frame: only that tells how to decode it.
    fragments = {sample.fragment for sample in frames if sample.fragment > 0}
    waited = len(frames) - len(fragments)
    assert waited == sum(sample.fragment == 0 for sample in frames), "not a chunk per frame"
    assert waited == 1 or (container == "ts" and waited <= 30)
    payload = sum(sample.size for track in movie.tracks.values() for sample in track.samples)
    assert 1.9e6 < payload * 8 / clip.seconds < 2.2e6
    assert len(viewer.body) - movie.init_bytes <= payload * 1.02


def test_a_viewer_that_leaves_is_counted_out(live):
    viewer = live.watch("/live/cam.ts").wait_bytes(1000)
    live.wait_stream("live/cam", lambda stream: stream.get("viewers") == 1)
    viewer.close()
    live.wait_stream("live/cam", lambda stream: stream.get("viewers", 0) == 0)

"""Getting out over HTTP: heads, ends, waiting, what a browser or a script may ask."""

import time

import pytest

import client
import mpegts


@pytest.fixture
def live(relay, media):
    """A stream that is live for the whole test."""
    relay.publish("/live/cam.ts", media.sparse)
    relay.wait_stream("live/cam", lambda stream: stream.get("tracks"))
    return relay


def check_media_head(response):
    assert response.status == 200
    assert response.headers["content-type"] == "video/mp2t"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["access-control-allow-origin"] == "*"
    assert "content-length" not in response.headers


def test_a_response_of_http_1_1_is_chunked(live):
    viewer = live.watch("/live/cam.ts").wait_bytes(20 * mpegts.PACKET)
    assert viewer.response.version == "HTTP/1.1" and viewer.response.chunked
    check_media_head(viewer.response)


def test_a_response_of_http_1_0_ends_with_the_connection(relay, media):
    viewer = relay.watch("/live/cam.ts?wait=20", version="1.0")
    relay.publish("/live/cam.ts", media.plain, speed=8).wait()
    viewer.wait_end()
    assert not viewer.response.chunked
    check_media_head(viewer.response)
    assert bytes(viewer.body) == media.plain.watched_from_start


def test_head_has_the_head_of_get_and_no_body(live):
    with live.connect() as connection:
        response = connection.request("HEAD", "/live/cam.ts")
        check_media_head(response)
        assert connection.request("GET", "/healthz").status == 200


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


def test_a_viewer_that_leaves_is_counted_out(live):
    viewer = live.watch("/live/cam.ts").wait_bytes(1000)
    live.wait_stream("live/cam", lambda stream: stream.get("viewers") == 1)
    viewer.close()
    live.wait_stream("live/cam", lambda stream: stream.get("viewers", 0) == 0)

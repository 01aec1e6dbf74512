"""Health, API, metrics, and who may see them."""

import client


def test_health_and_readiness(relay):
    for target in ("/healthz", "/readyz"):
        for port in (relay.http_port, relay.admin_port):
            assert client.request(port, "GET", target).status == 200
    assert client.request(relay.http_port, "HEAD", "/healthz").status == 200


def test_no_stream_is_an_empty_list(relay):
    response = relay.get("/api/v1/streams")
    assert response.status == 200
    assert response.headers["content-type"].startswith("application/json")
    assert response.json() == {"streams": []}


def test_the_api_describes_a_stream(relay, media):
    clip = media.rich
    relay.publish("/live/cam.ts", clip)
    relay.watch("/live/cam.ts?wait=5").wait_bytes(1000)
    stream = relay.wait_stream(
        "live/cam", lambda stream: stream.get("tail", {}).get("seconds", 0) > 2.5
        and stream.get("bitrate") and stream.get("viewers") == 1)
    assert stream["live"] is True
    assert len(stream["epoch"]) == 16
    assert stream["publisher"]["age_seconds"] > 0
    assert 0 < int(stream["publisher"]["bytes"]) <= len(clip.data)
    rate = len(clip.data) * 8 / clip.seconds
    assert rate / 2 < int(stream["bitrate"]) < rate * 2
    tracks = {track["id"]: track for track in stream["tracks"]}
    assert [track["kind"] for track in stream["tracks"]] == ["video", "audio", "audio", "data"]
    video, audio = tracks[0x100], tracks[0x101]
    assert (video["codec"], video["width"], video["height"]) == ("h264", 320, 180)
    assert abs(video["frame_rate"] - 25) < 0.5
    assert (audio["codec"], audio["sample_rate"], audio["channels"]) == ("aac", 48000, 2)
    tail = stream["tail"]
    assert int(tail["chunks"]) == int(tail["next_sequence"]) - int(tail["first_sequence"])
    assert int(tail["bytes"]) > 0


def test_the_tail_is_bounded(start, media):
    relay = start({"stream": {"tail": "1s"}})
    relay.publish("/live/cam.ts", media.plain)
    stream = relay.wait_stream("live/cam", lambda one: int(one["tail"]["next_sequence"]) > 75)
    assert 0.5 < stream["tail"]["seconds"] < 2.5
    assert int(stream["tail"]["first_sequence"]) > 0
    assert int(stream["tail"]["bytes"]) < len(media.plain.data) / 2


def test_a_stream_outlives_its_publisher_for_the_grace(start, media):
    relay = start({"publisher": {"grace": "1s"}})
    response = client.request(relay.http_port, "PUT", "/live/cam.ts", body=media.plain.data)
    assert response.status == 200
    stream = relay.streams()["live/cam"]
    assert stream["live"] is False and "publisher" not in stream
    client.until(lambda: not relay.streams(), timeout=5, what="the end of the stream")


METRICS = {
    "gauge": ["streams", "viewers", "arena_blocks", "arena_bytes_pinned",
              "arena_bytes_referenced", "viewer_lag_seconds"],
    "counter": ["bytes_in_total", "bytes_out_total", "chunks_total", "writes_total",
                "short_writes_total", "viewer_skips_total", "viewer_ends_total"],
    "histogram": ["ingest_to_socket_seconds", "loop_lag_seconds"],
}


def test_metrics_have_the_promised_names(relay, media):
    relay.publish("/live/cam.ts", media.plain)
    relay.wait_stream("live/cam")
    text = relay.admin("/metrics").body.decode()
    for kind, names in METRICS.items():
        for name in names:
            assert f"# TYPE spancast_{name} {kind}\n" in text, f"no {name} in\n{text}"
    assert relay.metric("spancast_streams") == 1


def test_metrics_count(relay, media):
    viewer = relay.watch("/live/cam.ts?wait=20")
    relay.publish("/live/cam.ts", media.plain, speed=3).wait()
    viewer.wait_end()
    client.until(lambda: relay.metric("spancast_viewers") == 0, what="no viewer")
    assert relay.metric("spancast_bytes_in_total") >= len(media.plain.data)
    assert relay.metric("spancast_bytes_out_total") >= len(viewer.body) * 0.9
    assert relay.metric("spancast_chunks_total") >= 25 * media.plain.seconds
    assert relay.metric("spancast_viewer_ends_total", reason="stream_end") == 1
    assert relay.metric("spancast_ingest_to_socket_seconds_count") > 0


def test_metrics_are_on_the_admin_address_only(relay):
    assert relay.get("/metrics").status == 404
    response = relay.admin("/metrics")
    assert response.status == 200
    assert response.headers["content-type"].startswith("text/plain")


def test_media_is_not_on_the_admin_address(relay):
    response = client.request(relay.admin_port, "PUT", "/live/cam.ts", body=bytes(188))
    assert response.status in (404, 405)
    assert relay.admin("/live/cam.ts").status == 404


def test_the_admin_token(start):
    relay = start({"admin": {"address": "0.0.0.0", "token": "open-sesame"}})
    assert relay.admin("/metrics").status == 401
    assert relay.admin("/metrics", headers={"Authorization": "Bearer wrong"}).status in (401, 403)
    right = relay.admin("/metrics", headers={"Authorization": "Bearer open-sesame"})
    assert right.status == 200
    assert relay.get("/healthz").status == 200
    assert not relay.find_log("open-sesame")


def test_a_head_that_does_not_come_is_given_up(start):
    relay = start({"http": {"header_timeout": "300ms"}})
    with relay.connect(timeout=10) as slow:
        slow.socket.sendall(b"GET /healthz HT")
        answer = slow.reader.read()
        assert answer == b"" or b"408" in answer.split(b"\r\n")[0]
    with relay.connect(timeout=10) as silent:
        assert silent.reader.read() == b""


def test_a_head_that_is_too_long_is_refused(relay):
    with relay.connect() as connection:
        connection.send_head("GET", "/healthz", {"X-Long": "a" * 20_000})
        assert connection.read_head().status in (400, 413, 431)


def test_garbage_is_refused(relay):
    with relay.connect() as connection:
        connection.socket.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
        answer = connection.reader.read()
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
    assert relay.get("/healthz").status == 200

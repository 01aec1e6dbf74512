"""Getting in: everything that may publish, and what it is answered."""

import subprocess
import time

import pytest

import client
import mpegts
import tools


def check_answer(response, clip):
    assert response.status == 200
    assert response.headers["content-type"].startswith("application/json")
    assert response.body.endswith(b"\n") and response.body.count(b"\n") == 1
    answer = response.json()
    assert int(answer["bytes"]) == len(clip.data)
    assert int(answer["chunks"]) > 0
    assert float(answer["seconds"]) >= 0


def check_watched(viewer, clip):
    """Whole files come much faster than live: who watches begins at the newest keyframe then."""
    viewer.wait_end()
    assert viewer.complete
    (_, end, _), = mpegts.runs(bytes(viewer.body), clip.data)
    assert end == len(clip.data)
    assert mpegts.first_video_is_key(bytes(viewer.body))


def waiting_viewer(relay):
    return relay.watch("/live/cam.ts?wait=20&slow=catch_up")


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_ffmpeg_publishes(relay, media, tmp_path, method):
    viewer = waiting_viewer(relay)
    with tools.ffmpeg_publish(media.plain.path, relay.url("/live/cam.ts"), method) as ffmpeg:
        stream = relay.wait_stream("live/cam", lambda stream: len(stream.get("tracks", [])) == 2)
        assert stream["live"]
        _, messages = ffmpeg.result()
    assert messages == ""
    viewer.wait_end()
    assert viewer.complete
    assert tools.check_decodes(tmp_path, viewer.body) == 25 * media.plain.seconds


def test_gstreamer_publishes_through_curl(relay, tmp_path):
    viewer = waiting_viewer(relay)
    tools.run("gst-launch-1.0 -q videotestsrc num-buffers=75 is-live=true"
              " ! video/x-raw,width=320,height=180,framerate=25/1"
              " ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! h264parse"
              " ! queue ! mpegtsmux name=mux ! fdsink"
              " audiotestsrc num-buffers=140 is-live=true ! avenc_aac ! aacparse ! queue ! mux."
              f" | curl -sSf -T - {relay.url('/live/cam.ts')}", shell=True)
    viewer.wait_end()
    assert viewer.complete
    assert tools.check_decodes(tmp_path, viewer.body) == 75


def test_curl_sends_a_file(relay, media):
    viewer = waiting_viewer(relay)
    out, _ = tools.run("curl", "-sSf", "-T", media.plain.path, relay.url("/live/cam.ts"))
    assert b'"bytes"' in out
    check_watched(viewer, media.plain)


def test_curl_sends_its_input(relay, media):
    viewer = waiting_viewer(relay)
    with open(media.plain.path, "rb") as source:
        tools.run("curl", "-sSf", "-T", "-", relay.url("/live/cam.ts"), stdin=source)
    check_watched(viewer, media.plain)


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_body_with_content_length(relay, media, method):
    viewer = waiting_viewer(relay)
    response = client.request(relay.http_port, method, "/live/cam.ts", body=media.plain.data)
    check_answer(response, media.plain)
    check_watched(viewer, media.plain)


@pytest.mark.parametrize("size", [1, 100, 188, 1316, 4096, 100_000])
def test_a_chunked_body(relay, media, size):
    viewer = waiting_viewer(relay)
    data = media.plain.data if size > 1 else media.plain.data[:188 * 20]
    with relay.connect() as connection:
        connection.send_head("PUT", "/live/cam.ts", {"Transfer-Encoding": "chunked"})
        for offset in range(0, len(data), size):
            connection.send_chunk(data[offset:offset + size])
        connection.send_chunk(b"")
        response = connection.read_response()
        assert response.status == 200 and int(response.json()["bytes"]) == len(data)
        # The response ended, so the connection serves the next request.
        assert connection.request("GET", "/healthz").status == 200
    if size > 1:
        check_watched(viewer, media.plain)


def test_a_chunked_body_with_extensions_and_trailers(relay, media):
    viewer = waiting_viewer(relay)
    with relay.connect() as connection:
        connection.send_head("PUT", "/live/cam.ts", {"Transfer-Encoding": "chunked"})
        data = media.plain.data
        connection.socket.sendall(b"%X;name=value\r\n%b\r\n" % (len(data), data))
        connection.socket.sendall(b"0\r\nX-Trailer: yes\r\n\r\n")
        check_answer(connection.read_response(), media.plain)
    check_watched(viewer, media.plain)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_body_until_close(relay, media, version):
    viewer = waiting_viewer(relay)
    with relay.connect() as connection:
        connection.send_head("PUT", "/live/cam.ts", {"Connection": "close"}, version)
        connection.socket.sendall(media.plain.data)
        connection.half_close()
        check_answer(connection.read_response(), media.plain)
        assert connection.reader.read() == b""
    check_watched(viewer, media.plain)


def test_a_body_without_an_end_is_refused(relay):
    with relay.connect() as connection:
        connection.send_head("PUT", "/live/cam.ts")
        assert connection.read_response().status in (400, 411)


def test_expect_is_answered_once_the_stream_is_free(relay, media):
    with relay.connect() as connection:
        connection.send_head("PUT", "/live/cam.ts", {"Content-Length": str(len(media.plain.data)),
                                                     "Expect": "100-continue"})
        assert connection.read_head().status == 100
        connection.socket.sendall(media.plain.data)
        check_answer(connection.read_response(), media.plain)


def test_expect_on_a_live_path_is_refused_without_the_body(relay, media):
    relay.publish("/live/cam.ts", media.plain)
    relay.wait_stream("live/cam")
    with relay.connect() as connection:
        connection.send_head("PUT", "/live/cam.ts", {"Content-Length": "1000000",
                                                     "Expect": "100-continue"})
        assert connection.read_head().status == 409


def test_a_second_publisher_is_refused(relay, media):
    first = relay.publish("/live/cam.ts", media.plain, speed=4)
    relay.wait_stream("live/cam")
    second = client.request(relay.http_port, "PUT", "/live/cam.ts", body=media.plain.data[:1880])
    assert second.status == 409
    assert second.body.count(b"\n") == 1
    check_answer(first.wait(), media.plain)


def test_a_newcomer_takes_over_from_an_idle_publisher(relay, media):
    half = len(media.plain.data) // 2 // mpegts.PACKET * mpegts.PACKET
    with relay.connect() as idle:
        idle.send_head("PUT", "/live/cam.ts", {"Transfer-Encoding": "chunked"})
        idle.send_chunk(media.plain.data[:half])
        relay.wait_stream("live/cam")

        def accepted():
            response = client.request(relay.http_port, "PUT", "/live/cam.ts", body=media.plain.data)
            return response.status == 200 or time.sleep(0.1)
        began = time.monotonic()
        client.until(accepted, what="the newcomer's turn")
        assert time.monotonic() - began < 10
        # The old connection is over: answered with a refusal or cut.
        try:
            assert idle.read_head().status >= 400
        except (OSError, AssertionError):
            pass


def test_a_publisher_whose_connection_breaks_may_come_back(relay, media):
    first = relay.publish("/live/cam.ts", media.plain)
    relay.wait_stream("live/cam", lambda stream: int(stream["publisher"].get("bytes", 0)) > 0)
    first.close()
    client.until(lambda: not relay.streams().get("live/cam", {}).get("live"), what="the end")
    response = client.request(relay.http_port, "PUT", "/live/cam.ts", body=media.plain.data)
    check_answer(response, media.plain)


def test_addresses_that_may_not_publish_are_refused(start):
    relay = start({"publisher": {"allow": ["10.0.0.0/8"]},
                   "paths": {"open/*": {"publisher": {"allow": ["127.0.0.0/8"]}}}})
    assert client.request(relay.http_port, "PUT", "/live/cam.ts", body=b"x").status == 403
    assert client.request(relay.http_port, "PUT", "/open/cam.ts", body=bytes(188)).status != 403


@pytest.mark.parametrize("target", [
    "/api/cam.ts", "/live/index.ts", "/.hidden/cam.ts", "/live/c%20m.ts", "/live//cam.ts",
    "/1/2/3/4/5/6/7/8/9.ts", "/" + 65 * "a" + ".ts", "/live/../cam.ts", "/live/cam.exe",
    "/live/cam"])
def test_paths_that_are_no_stream_are_refused(relay, target):
    response = client.request(relay.http_port, "PUT", target, body=bytes(188))
    assert 400 <= response.status < 500
    assert relay.streams() == {}


def test_other_methods_are_refused(relay):
    for method in ("DELETE", "PATCH", "TRACE"):
        assert client.request(relay.http_port, method, "/live/cam.ts").status in (405, 501)


def test_a_killed_ffmpeg_leaves_the_path_free(relay, media):
    with tools.ffmpeg_publish(media.plain.path, relay.url("/live/cam.ts")) as ffmpeg:
        relay.wait_stream("live/cam")
        ffmpeg.process.kill()
    client.until(lambda: "live/cam" not in relay.streams(), what="the end of the stream")
    done = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-T",
                           str(media.plain.path), relay.url("/live/cam.ts")],
                          capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == "200"

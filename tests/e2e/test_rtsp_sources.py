"""IP cameras that the relay pulls by itself, `paths.X.source: rtsp://…`, with ffmpeg as its child.

The pictures are numbered by the camera (rtsp_server.py), so each that is missing is known.
"""

import contextlib
import pathlib
import secrets

import pytest

import children
import programs
import rtsp

SECRET = secrets.token_hex(8)  # of these tests alone: all processes are looked at
GUESS = secrets.token_hex(8)
PROTECTED = ("--user", "admin", "--password", SECRET)

pytestmark = [
    pytest.mark.usefixtures("no_children_left"),
    pytest.mark.skipif(not rtsp.is_possible(), reason="Python has no gst-rtsp-server "
                                                      "(gir1.2-gst-rtsp-server-1.0)")]


def pull(start, url, **settings):
    return start({**programs.CONFIG, "paths": {"live/cam": {"source": {"url": url, **settings}}}})


def processes_that_show(secret, *known):
    """Those whose arguments or environment have it, as `ps` shows them, but for some."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                text = (entry / name).read_bytes()
            except OSError:  # it has ended, or is another user's
                continue
            if secret.encode() in text and int(entry.name) not in known:
                found.append((entry.name, text))
    return found


def check_hidden(relay, camera, secret):
    said = "\n".join(relay.log) + "".join(
        one.body.decode() for one in (relay.get("/api/v1/streams"), relay.admin("/api/v1/streams"),
                                      relay.admin("/metrics")))
    assert secret not in said
    assert processes_that_show(secret, camera.tool.process.pid) == []


def check_numbers(report):
    numbers = report["frame_numbers"]
    assert numbers["repeated"] == numbers["out_of_order"] == 0, report
    return numbers


@pytest.mark.parametrize("kind, video, audio, codecs", [
    ("digest", "h264", "aac", ["h264", "aac"]), ("basic", "h265", "opus", ["h265", "opus"])])
def test_a_camera_is_pulled_frame_for_frame(start, kind, video, audio, codecs):
    with rtsp.Camera("--video", video, "--audio", audio, "--auth", kind, *PROTECTED) as camera:
        relay = pull(start, camera.url(f"admin:{SECRET}@"))
        with programs.player(relay.http_port) as player:
            player.wait_frames(75)
            stream = relay.streams()["live/cam"]
            check_hidden(relay, camera, SECRET)
            assert len(children.of(relay.process.pid)) == 1
            player.interrupt()
            report = player.end(timeout=60)
    assert stream["publisher"]["protocol"] == "source"
    assert [track["codec"] for track in stream["tracks"]] == codecs
    assert check_numbers(report)["missing"] == 0 and report["gaps"] == 0, report
    print(f"rtsp source {video}+{audio}: {report['frames_decoded']} frames, none missing")


def test_a_wrong_password_is_said_and_tried_ever_later(start):
    with rtsp.Camera("--auth", "digest", *PROTECTED) as camera:
        relay = pull(start, camera.url(f"admin:{GUESS}%40home@"))
        waits, line = [], 0
        for _ in range(3):
            relay.wait_log('source says stream=live/cam line=".*401 Unauthorized', line)
            found = relay.wait_log("source restarts stream=live/cam seconds=(\\S+) reason=failed "
                                   'detail="exit code 1"', line)
            line = relay.log.index(found.string) + 1
            waits.append(float(found[1]))
        assert waits[0] <= 0.5 and 0.74 <= waits[1] <= 1 and 1.49 <= waits[2] <= 2
        relay.wait_log(r"source says .*rtsp://\*\*\*@127\.0\.0\.1")
        check_hidden(relay, camera, GUESS)
        assert "live/cam" not in relay.streams() or not relay.streams()["live/cam"]["live"]


@pytest.mark.parametrize("audio, missing", [("none", "nothing"), ("aac", "no picture")])
def test_a_camera_that_stalls_is_pulled_anew(start, audio, missing):
    with rtsp.Camera("--audio", audio, "--stall", "3") as camera:
        relay = pull(start, camera.url(), stall="6s")
        with programs.player(relay.http_port) as player:
            camera.wait(r"stalled (\d+)", timeout=60)
            pattern = "publisher ended stream=live/cam .*reason=stalled detail=\"(.*)\""
            ended = relay.wait_log(pattern, timeout=60)
            # Sometimes gst-rtsp-server sends nothing from the start, to whoever plays at once.
            assert ended[1] in (f"it wrote {missing} for 6s", "it wrote nothing for 6s")
            before, line = relay.streams()["live/cam"], relay.log.index(ended.string)
            relay.wait_log("source restarts stream=live/cam seconds=\\S+ reason=stalled", line)
            player.wait_frames(player.last.get("frames_decoded", 0) + 50)
            assert relay.streams()["live/cam"]["epoch"] == before["epoch"]
            player.interrupt()
            report = player.end(timeout=60)
    numbers = check_numbers(report)
    print(f"rtsp source that stalled: {report['frames_decoded']} frames, "
          f"{numbers['missing']} while it was away")


def test_a_camera_that_goes_and_comes_back_is_one_stream(start):
    with contextlib.ExitStack() as stack:
        with rtsp.Camera("--audio", "aac") as camera:
            relay = pull(start, camera.url())
            player = stack.enter_context(programs.player(relay.http_port))
            player.wait_frames(25)
            before, line = relay.streams()["live/cam"], len(relay.log)
        stack.enter_context(rtsp.Camera("--audio", "aac", "--port", camera.port))
        relay.wait_log("source restarts stream=live/cam seconds=\\S+ reason=\\w+", line)
        player.wait_frames(player.last["frames_decoded"] + 50)
        assert relay.streams()["live/cam"]["epoch"] == before["epoch"]
        player.interrupt()
        report = player.end(timeout=60)
    assert report["reconnects"] == 0, report

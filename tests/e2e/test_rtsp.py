"""IP cameras, of gst-rtsp-server, through spancast-camera and the relay to headless players.

The pictures are numbered by the camera (rtsp_server.py), so each that is missing is known.
"""

import contextlib
import pathlib
import re

import pytest

import onvif_device
import programs
import rtsp
import wire_client

STREAM = "/live/cam"
SOURCE = 5  # exit code: the source cannot be opened, or failed
USER, SECRET, WRONG = "j0anna", "corr3ct-h0rse", "gu3ss-ed"
# Where the camera does not stall, a machine that is busy is no reason to open it anew.
PATIENT = ("--stall", "60s")

pytestmark = pytest.mark.skipif(
    not rtsp.is_possible(), reason="Python has no gst-rtsp-server (gir1.2-gst-rtsp-server-1.0)")


def is_long(request):
    return request.config.getoption("--long")


def ip_camera(relay, camera, *arguments, **more):
    return programs.camera(relay.http_port, *arguments, source=camera.url(), small=False, **more)


def finish(camera, player):
    camera.interrupt()
    camera.end(timeout=60)
    return player.end(timeout=60)


def check_numbers(report, missing=0):
    numbers = report["frame_numbers"]
    assert numbers["missing"] <= missing, report
    assert numbers["repeated"] == numbers["out_of_order"] == 0, report


def check_gaps(watcher, count):
    """So many, of the same epoch, each as long as nothing was captured."""
    assert len(watcher.gaps) == count, watcher.gaps
    assert len({one.epoch for one in watcher.chunks}) == 1
    for gap in watcher.gaps:
        at = watcher.events.index(gap)
        before = next(one for one in reversed(watcher.events[:at])
                      if isinstance(one, wire_client.Received))
        after = next(one for one in watcher.events[at:] if isinstance(one, wire_client.Received))
        assert gap.reason == "LOST" and gap.to_utc_us == after.chunk.utc_us
        assert after.sequence == before.sequence + 2 and after.chunk.sync
        # The media time between their pictures is the time that passed.
        picture = next(one for one in reversed(watcher.events[:at])
                       if isinstance(one, wire_client.Received)
                       and one.chunk.samples[0].track == after.chunk.samples[0].track)
        seconds = (after.chunk.utc_us - picture.chunk.utc_us) / 1e6
        ticks = after.chunk.samples[0].dts - picture.chunk.samples[0].dts
        assert abs(ticks / 90_000 - seconds) < 1, (ticks, seconds)
        yield seconds


@pytest.mark.parametrize("protocols", ["udp", "tcp"])
@pytest.mark.parametrize("video, audio, codecs", [
    ("h264", "pcmu", ["h264", "aac"]), ("h265", "aac", ["h265", "aac"]),
    ("h264", "opus", ["h264", "opus"]), ("jpeg", "l16", ["h264", "aac"])])
def test_a_camera_arrives_frame_for_frame(start, request, protocols, video, audio, codecs):
    if audio in ("opus", "l16") and protocols == "tcp" and not is_long(request):
        protocols = "any"
    frames = 1500 if is_long(request) else 75
    relay = start(programs.CONFIG)
    with rtsp.Camera("--video", video, "--audio", audio, "--protocols", protocols) as source, \
            ip_camera(relay, source, *PATIENT) as camera, \
            programs.player(relay.http_port) as player:
        camera.wait_error("the camera's clock says")  # in RTCP sender reports
        player.wait_frames(frames, timeout=frames / 25 + 60)
        tracks = relay.streams()["live/cam"]["tracks"]
        report = finish(camera, player)
    assert sorted(track["codec"] for track in tracks) == sorted(codecs)  # whichever came first
    check_numbers(report)
    assert report["gaps"] == 0 and camera.last["reopened"] == 0
    assert not camera.find_error("not believed"), camera.errors
    print(f"rtsp {protocols} {video}+{audio}: {report['frames_decoded']} frames, none missing")


def slices_of(payload, codec):
    """Of a video sample: for each slice whether it is the first of its picture."""
    flags, at = [], 0
    while at < len(payload):
        size = int.from_bytes(payload[at:at + 4], "big")
        unit = payload[at + 4:at + 4 + size]
        at += 4 + size
        if codec == "h264" and unit[0] & 0x1F in (1, 5):
            flags.append(bool(unit[1] & 0x80))
        if codec == "h265" and unit[0] >> 1 & 0x3F < 32:
            flags.append(bool(unit[2] & 0x80))
    return flags


@pytest.mark.parametrize("video, protocols", [
    ("h264", "tcp"), ("h264", "udp"), ("h264", "udp-marked"), ("h265", "tcp")])
def test_a_picture_of_many_slices_is_one_frame(start, video, protocols):
    """Also where parameter sets stand between them, and where each has the marker."""
    relay = start(programs.CONFIG)
    marks_all = protocols == "udp-marked"
    arguments = ("--video", f"{video}-slices", "--protocols", protocols[:3])
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(rtsp.Camera(*arguments))
        port = source.port
        if marks_all:
            network = rtsp.LossyNetwork(source.port, marks_all=True)
            port = stack.enter_context(network).port
        watcher = stack.enter_context(wire_client.Player(relay.http_port, STREAM))
        relay.wait_waiting(1)
        with programs.camera(relay.http_port, *PATIENT, source=source.url(port=port),
                             small=False) as camera, \
                programs.player(relay.http_port) as player:
            player.wait_frames(75)
            report = finish(camera, player)
        watcher.wait_end()
    check_numbers(report)
    samples = [sample for one in watcher.chunks for sample in one.chunk.samples]
    payloads = b"".join(one.payload for one in watcher.chunks)
    assert len(samples) == camera.last["frames"], (len(samples), camera.last)
    # Each is one whole picture, at the time of the next.
    at, counts = 0, set()
    for sample in samples:
        flags = slices_of(payloads[at:at + sample.size], video)
        at += sample.size
        assert flags[0] and not any(flags[1:]), flags
        counts.add(len(flags))
    assert min(counts) > 1, counts
    times = [sample.dts + sample.pts_offset for sample in samples]
    assert times == sorted(set(times))
    # Theirs are the camera's own: 25 of them in a second, as far as this machine keeps up.
    pace = (times[-1] - times[0]) / (len(times) - 1) / 90
    assert pace > 35, times
    numbers = report["frame_numbers"]
    assert numbers["last"] - numbers["first"] + 1 == report["frames_decoded"]
    print(f"rtsp {protocols} {video}: {len(samples)} frames of {counts} slices, "
          f"{report['frames_decoded']} decoded, none missing or repeated")


def test_a_camera_that_stalls_is_opened_anew(start):
    relay = start(programs.CONFIG)
    with rtsp.Camera("--audio", "pcma", "--stall", "2") as source, \
            ip_camera(relay, source, "--stall", "2s") as camera, \
            wire_client.Player(relay.http_port, STREAM) as watcher, \
            programs.player(relay.http_port) as player:
        source.wait(r"stalled (\d+)")
        watcher.wait_gaps(1, 60)
        player.wait(lambda report: report["gaps"] >= 1, "gap")
        player.wait_frames(player.last["frames_decoded"] + 50)
        report = finish(camera, player)
    # One, unless the machine was away for as long.
    lengths = list(check_gaps(watcher, len(watcher.gaps)))
    assert lengths[0] >= 2 and report["gaps"] == len(lengths)
    assert camera.last["reopened"] >= len(lengths) and camera.last["reconnects"] == 0
    assert camera.last["reopened"] == sum("opening it again" in line for line in camera.errors)
    assert report["reconnects"] == 0
    # What was pushed while no client was there belongs to no session.
    check_numbers(report, missing=25 * len(lengths))
    assert any("stalled" in line for line in camera.errors), camera.errors


@pytest.mark.parametrize("video, good_sets", [("h264", 5), ("h264", 0), ("h265", 0)])
def test_a_camera_whose_parameter_sets_break_is_opened_anew(start, video, good_sets):
    relay = start(programs.CONFIG)
    with rtsp.Camera("--video", video, "--audio", "pcmu", "--protocols", "udp") as source, \
            rtsp.LossyNetwork(source.port, broken_sessions=1, good_sets=good_sets) as network, \
            programs.camera(relay.http_port, *PATIENT, small=False,
                            source=source.url(port=network.port)) as camera, \
            wire_client.Player(relay.http_port, STREAM) as watcher, \
            programs.player(relay.http_port) as player:
        camera.wait_error("the camera sends parameter sets that make no sense; opening it again")
        if good_sets:
            watcher.wait_gaps(1, 60)
        player.wait_frames(player.last.get("frames_decoded", 0) + 50)
        report = finish(camera, player)
    assert network.broken > 0 and len(network.played) >= 2
    lengths = list(check_gaps(watcher, 1 if good_sets else 0))  # none before the first frame
    assert camera.last["reconnects"] == report["reconnects"] == 0
    assert report["gaps"] == len(lengths)
    numbers = report["frame_numbers"]
    assert numbers["repeated"] == numbers["out_of_order"] == 0, report
    print(f"rtsp: broken {video} parameter sets, gaps of {lengths} s, "
          f"{report['frames_decoded']} frames, {numbers['missing']} missing")


def test_a_camera_whose_parameter_sets_stay_broken_is_tried_with_backoff(start):
    relay = start(programs.CONFIG)
    with rtsp.Camera("--protocols", "udp") as source, \
            rtsp.LossyNetwork(source.port, broken_sessions=9) as network, \
            programs.camera(relay.http_port, *PATIENT, "--retry", "3", small=False,
                            source=source.url(port=network.port)) as camera:
        camera.end(SOURCE, timeout=60)
    waits = [int(found[1]) for line in camera.errors
             if (found := re.search(r"opening it again in (\d+) ms", line))]
    assert len(waits) == 3 and waits == sorted(waits) and waits[-1] <= 5000, camera.errors
    assert camera.errors[-1].endswith("the camera sends parameter sets that make no sense")
    assert camera.last["frames"] == 0


def test_a_camera_that_changes_its_size_goes_on(start):
    relay = start(programs.CONFIG)
    with rtsp.Camera("--audio", "aac", "--resize", "2") as source, \
            ip_camera(relay, source, *PATIENT) as camera, \
            programs.player(relay.http_port) as player:
        source.wait(r"resized (\d+)")
        relay.wait_stream("live/cam", lambda stream: any(
            track.get("width") == 480 for track in stream["tracks"]))
        player.wait_frames(player.last.get("frames_decoded", 0) + 50)
        report = finish(camera, player)
    check_numbers(report)
    assert report["gaps"] == 0 and camera.last["reopened"] == 0


def test_a_camera_that_closes_again_and_again_is_one_stream(start, request):
    seconds, times = (20, 4) if is_long(request) else (4, 2)
    relay = start(programs.CONFIG)
    with rtsp.Camera("--close", seconds) as source, \
            ip_camera(relay, source, "--stall", "1s") as camera, \
            wire_client.Player(relay.http_port, STREAM) as watcher, \
            programs.player(relay.http_port) as player:
        watcher.wait_gaps(times, seconds * times + 60)
        count = len(watcher.chunks)
        watcher.wait_chunks(count + 25, 60)
        report = finish(camera, player)
    lengths = list(check_gaps(watcher, len(watcher.gaps)))
    assert report["reconnects"] == 0 and camera.last["reconnects"] == 0
    assert report["gaps"] == len(lengths)
    print(f"rtsp: {len(source.all(r'closed .*'))} closed sessions, gaps of {lengths} s, "
          f"{report['frames_decoded']} frames")


def test_packets_that_are_lost_lose_their_pictures_only(start, request):
    frames = 750 if is_long(request) else 100
    relay = start(programs.CONFIG)
    with rtsp.Camera("--audio", "pcmu", "--protocols", "udp") as source, \
            rtsp.LossyNetwork(source.port, 0.1) as network, \
            programs.camera(relay.http_port, *PATIENT, source=source.url(port=network.port),
                            small=False) as camera, \
            programs.player(relay.http_port) as player:
        player.wait_frames(frames, timeout=frames / 5 + 60)
        report = finish(camera, player)
    assert network.lost > 0 and network.passed > 0
    assert report["gaps"] == 0 and camera.last["reopened"] == 0
    numbers = report["frame_numbers"]
    print(f"rtsp: {network.lost} of {network.lost + network.passed} packets lost, "
          f"{report['frames_decoded']} frames decoded of {camera.last['frames']} published, "
          f"{numbers['missing']} numbers missing")


def check_hidden(process, *secrets):
    """From everybody who looks at processes: arguments, titles, environment; of all its threads."""
    folder = pathlib.Path(f"/proc/{process.pid}")
    for secret in secrets:
        for path in [folder / "cmdline", folder / "environ", folder / "comm", folder / "stat",
                     *folder.glob("task/*/comm"), *folder.glob("task/*/cmdline"),
                     *folder.glob("task/*/environ")]:
            try:
                assert secret.encode() not in path.read_bytes(), path
            except (FileNotFoundError, ProcessLookupError):
                pass  # a thread that has ended


@pytest.mark.parametrize("kind", ["digest", "basic"])
def test_a_password_opens_a_camera_and_is_shown_to_nobody(start, kind):
    relay = start(programs.CONFIG)
    protected = ("--auth", kind, "--user", USER, "--password", SECRET)
    variables = {"SPANCAST_CAMERA_USER": USER, "SPANCAST_CAMERA_PASSWORD": SECRET}
    with rtsp.Camera(*protected) as source:
        for given in ({"source": source.url(f"{USER}:{SECRET}@")},
                      {"source": source.url(), "environment": variables}):
            with programs.camera(relay.http_port, small=False, **given) as camera, \
                    programs.player(relay.http_port) as player:
                player.wait_frames(25)
                line = pathlib.Path(f"/proc/{camera.process.pid}/cmdline").read_bytes()
                assert b"rtsp://" in line
                check_hidden(camera.process, SECRET, USER)
                check_numbers(finish(camera, player))
            said = "\n".join([*camera.errors, str(camera.reports), *relay.log])
            assert SECRET not in said and USER not in said


@pytest.mark.parametrize("kind", ["digest", "basic"])
def test_a_wrong_password_is_tried_again_and_then_ends_the_camera(start, kind):
    """A few times only: cameras lock out who tries for ever."""
    relay = start(programs.CONFIG)
    sentence = "the camera refuses user and password: check both"
    variables = {"SPANCAST_CAMERA_USER": USER, "SPANCAST_CAMERA_PASSWORD": WRONG}
    with rtsp.Camera("--auth", kind, "--user", USER, "--password", SECRET) as source, \
            programs.player(relay.http_port) as player:
        for given in ({"source": source.url(f"{USER}:{WRONG}@")},
                      {"source": source.url(), "environment": variables}):
            with programs.camera(relay.http_port, small=False, **given) as camera:
                camera.wait_error(f"{sentence}; opening it again")
                check_hidden(camera.process, WRONG, USER)
                camera.end(SOURCE, timeout=60)
            waits = [int(found[1]) for line in camera.errors
                     if (found := re.search(rf"{sentence}; opening it again in (\d+) ms", line))]
            assert len(waits) == 2 and waits == sorted(waits), camera.errors
            assert camera.errors[-1] == f"spancast-camera: {sentence}", camera.errors
            assert camera.last["frames"] == 0
            said = "\n".join([*camera.errors, str(camera.reports), *relay.log])
            assert WRONG not in said and USER not in said
        with ip_camera(relay, source) as camera:
            camera.end(SOURCE, timeout=60)
        assert "SPANCAST_CAMERA_PASSWORD" in "\n".join(camera.errors)
        player.interrupt()
        assert player.end(timeout=60)["frames_decoded"] == 0
    assert all(stream["tail"]["chunks"] == "0" for stream in relay.streams().values())
    print(f"rtsp: a wrong password ({kind}), waits of {waits} ms, no frame")


def test_a_camera_that_is_not_there_yet_is_waited_for(start):
    relay = start(programs.CONFIG)
    with rtsp.Camera() as first:
        port = first.port
    with programs.camera(relay.http_port, source=f"rtsp://127.0.0.1:{port}/cam",
                         small=False) as camera:
        camera.wait_error("no connection to 127.0.0.1")
        with rtsp.Camera("--port", port), programs.player(relay.http_port) as player:
            player.wait_frames(25)
            report = finish(camera, player)
    assert report["gaps"] == 0  # nothing was missing before the first frame


def test_a_host_that_does_not_exist_is_named(start):
    relay = start(programs.CONFIG)
    with programs.camera(relay.http_port, "--retry", "1", source="rtsp://no.such.host.invalid/x",
                         small=False) as camera:
        camera.end(SOURCE, timeout=120)
    assert camera.find_error("no host named no.such.host.invalid"), camera.errors


def test_an_onvif_camera_tells_where_its_stream_is(start):
    relay = start(programs.CONFIG)
    with rtsp.Camera("--auth", "digest", "--user", "admin", "--password", SECRET) as source, \
            onvif_device.Device(source.url(), "admin", SECRET) as device:
        for path, tokens in (("", ["main"]), ("/main", ["main", "main"])):
            url = f"onvif://admin:{SECRET}@127.0.0.1:{device.port}{path}"
            with programs.camera(relay.http_port, source=url, small=False) as camera, \
                    programs.player(relay.http_port) as player:
                player.wait_frames(25)
                finish(camera, player)
            assert device.asked == tokens
            assert SECRET not in "\n".join(camera.errors)
        for url, sentence in ((f"onvif://admin:gu3ss@127.0.0.1:{device.port}", "check both"),
                              (f"onvif://admin:{SECRET}@127.0.0.1:{device.port}/top",
                               'no profile "top"; it has main sub')):
            with programs.camera(relay.http_port, source=url, small=False) as camera:
                camera.end(SOURCE, timeout=60)
            assert sentence in "\n".join(camera.errors), camera.errors

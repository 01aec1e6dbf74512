"""spancast-camera with a command as its source."""

import os
import shlex

import client
import programs
import sources
import wire_client

STREAM = "/live/cam"
SOURCE = 5  # exit code: the source cannot be opened, or failed


def ffmpeg(clip, *arguments, form="mpegts"):
    flags = ["-movflags", "frag_every_frame+empty_moov+default_base_moof"] if form == "mp4" else []
    return shlex.join(["ffmpeg", "-v", "error", "-nostdin", "-re", "-i", str(clip.path), *arguments,
                       "-c", "copy", *flags, "-f", form, "-"])


def command(relay, text, *arguments):
    return programs.camera(relay.http_port, *arguments, source=f"pipe:{text}", small=False)


def video_frames(watcher):
    """Of the samples that are no audio: track 0."""
    return sum(sample.track == 0 for one in watcher.chunks for sample in one.chunk.samples)


def test_what_a_command_writes_arrives_whole(start, media):
    relay = start(programs.CONFIG)
    for name, form in (("plain", "mpegts"), ("reordered", "mpegts"), ("hevc", "mp4")):
        clip = media.in_container(name, "mp4" if form == "mp4" else "ts")
        path = f"/live/{name}"
        with wire_client.Player(relay.http_port, path) as watcher:
            relay.wait_waiting(1)
            with programs.camera(relay.http_port, "--stall", "60s", path=path, small=False,
                                 source="pipe:" + ffmpeg(clip, form=form)) as camera:
                camera.end(timeout=60)
            assert watcher.wait_end().reason == "ENDED"
            assert watcher.gaps == []
            # tsdemux gives out the last frame with the end of its input.
            assert video_frames(watcher) == round(clip.seconds * 25), (name, form)
        assert camera.last["reopened"] == 0


def test_av1_and_opus_pass_as_they_are(start, media_sources):
    relay = start(programs.CONFIG)
    source = sources.BY_NAME["av1-opus"]
    clip = media_sources.clip(source, "keyframe")
    with wire_client.Player(relay.http_port, STREAM) as watcher:
        relay.wait_waiting(1)
        with command(relay, ffmpeg(clip, form="mp4"), "--stall", "60s") as camera:
            camera.end(timeout=60)
        assert watcher.wait_end().reason == "ENDED"
    assert watcher.gaps == [] and video_frames(watcher) == source.seconds * 25
    assert not camera.find_error("encoded anew"), camera.errors


def test_a_command_that_dies_is_started_again(start, media):
    relay = start(programs.CONFIG)
    text = ffmpeg(media.plain, "-t", "2") + "; echo ended >&2; exit 3"
    with command(relay, text) as camera, \
            wire_client.Player(relay.http_port, STREAM) as watcher, \
            programs.player(relay.http_port) as player:
        watcher.wait_gaps(2, 60)
        watcher.wait_chunks(len(watcher.chunks) + 25, 60)
        camera.interrupt()
        camera.end()
        report = player.end()
    assert {gap.reason for gap in watcher.gaps} == {"LOST"}
    assert len({one.epoch for one in watcher.chunks}) == 1
    assert report["reconnects"] == 0 and report["gaps"] == len(watcher.gaps)
    said = "\n".join(camera.errors)
    assert "pipe: ended" in said and "the command ended with code 3; opening it again" in said, said


def test_a_command_that_writes_garbage_ends_with_a_reason(start):
    relay = start(programs.CONFIG)
    for text in ("cat /dev/urandom", "yes", "yes | head -c 1000; exit 1"):
        with command(relay, text, "--retry", "1") as camera:
            camera.end(SOURCE, timeout=60)
        assert any("GStreamer" in line or "ended with code" in line for line in camera.errors), (
            camera.errors)
    assert all(stream["tail"]["chunks"] == "0" for stream in relay.streams().values())


def test_a_command_ends_with_its_camera(start, media):
    """Also what it has started, though it ignores SIGTERM."""
    relay = start(programs.CONFIG)
    text = f"trap '' TERM; sleep 1000 & echo pid $! >&2; {ffmpeg(media.long_plain)}; sleep 1000"
    with command(relay, text) as camera, programs.player(relay.http_port) as player:
        player.wait_frames(25)
        pid = int(camera.wait_error(r"pipe: pid (\d+)")[1])
        assert os.path.exists(f"/proc/{pid}")
        camera.interrupt()
        camera.end(timeout=60)
        player.end()
    client.until(lambda: is_gone(pid), what="the end of the command's child")


def is_gone(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return ") Z " in stat.read()
    except FileNotFoundError:
        return True


def test_a_command_that_is_silent_is_stalled(start, media):
    relay = start(programs.CONFIG)
    text = ffmpeg(media.plain, "-t", "2") + "; sleep 1000"
    with command(relay, text, "--stall", "1s") as camera, \
            programs.player(relay.http_port) as player:
        camera.wait_error("the source has stalled")
        player.wait(lambda report: report["gaps"] >= 1, "gap")
        camera.interrupt()
        camera.end(timeout=60)
        player.end()


def test_a_command_that_ends_well_loops_if_asked_to(start, media):
    relay = start(programs.CONFIG)
    with command(relay, ffmpeg(media.plain, "-t", "1"), "--loop") as camera, \
            programs.player(relay.http_port) as player:
        player.wait_frames(60)
        camera.interrupt()
        camera.end(timeout=60)
        player.end()
    assert camera.last["reopened"] >= 1

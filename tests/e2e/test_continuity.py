"""A stream outlives its publisher's connection: viewers stay, and time only goes forward."""

import dataclasses
import re
import time

import pytest

import client
import compare
import mp4
import mpegts
import sources
import tools

GRACE = 2
OUTPUTS = sources.OUTPUTS
GROUP = 12   # frames from one keyframe to the next
FRAME = compare.Fraction(1, 25)
LIVE = sources.Source("live", "", ("-c:v", "libx264", "-preset", "ultrafast", "-tune",
                                   "zerolatency", "-g", str(GROUP), "-b:v", "300k"))
LARGE = dataclasses.replace(LIVE, name="large", size="320x180")
BRIEF = dataclasses.replace(LIVE, name="brief", seconds=2)
BRIEF_LARGE = dataclasses.replace(BRIEF, name="brief-large", size="320x180")
OTHER_AUDIO = dataclasses.replace(BRIEF, name="brief-44100", sound=44100)
OTHER_VIDEO = dataclasses.replace(BRIEF, name="brief-h265", video=sources.x265(":bframes=0"))
BRIEF_FRAMES = 50


@pytest.fixture
def relay(start):
    return start({"publisher": {"grace": f"{GRACE}s"}})


class Watch:
    """A .ts and a .mp4 viewer that are there before the first publisher."""

    def __init__(self, relay):
        self.viewers = {output: relay.watch(f"/live/cam.{output}?wait=20&slow=catch_up")
                        for output in OUTPUTS}

    def received(self):
        return {output: len(viewer.body) for output, viewer in self.viewers.items()}

    def wait_more(self, before):
        for output, viewer in self.viewers.items():
            viewer.wait_bytes(before[output] + 1)

    def check_connected(self):
        for output, viewer in self.viewers.items():
            assert not viewer.ended, f"the viewer of .{output} was disconnected"

    def check_end(self):
        for output, viewer in self.viewers.items():
            viewer.wait_end(GRACE + 10)
            assert viewer.complete, f"the response of .{output} was cut off"


def publish_share(relay, watch, clip, share):
    """Publishes the beginning of a clip, and resets the connection in the middle of it."""
    before = watch.received()
    publisher = relay.publish(f"/live/cam{clip.path.suffix}", clip)
    client.until(lambda: publisher.sent > len(clip.data) * share or not publisher.thread.is_alive(),
                 what="the share of the clip")
    assert publisher.response is None, f"it was answered {publisher.response.status}"
    watch.wait_more(before)
    publisher.reset()
    wait_lost(relay)


def wait_lost(relay):
    """The relay knows that the publisher is gone."""
    relay.wait_stream("live/cam", lambda stream: not stream["live"])


def publish_whole(relay, clip, speed=1.0):
    response = relay.publish(f"/live/cam{clip.path.suffix}", clip, speed=speed).wait()
    assert response.status == 200, response.body


@dataclasses.dataclass(frozen=True)
class Times:
    """A frame of either container, in seconds."""
    pts: compare.Fraction
    dts: compare.Fraction
    sync: bool


def times_of(output, body, kind):
    if output == "ts":
        return [Times(frame.pts * compare.TICK, frame.dts * compare.TICK, frame.sync)
                for frame in mpegts.timeline(body, kind)]
    track = mp4.Movie(body).of(kind)
    return [Times(mp4.seconds(track, sample.pts), mp4.seconds(track, sample.dts), sample.sync)
            for sample in track.samples]


def check_forward(output, body):
    """Time never goes back; returns the frames of the video."""
    for kind in ("video", "audio"):
        frames = times_of(output, body, kind)
        for index, (frame, later) in enumerate(zip(frames, frames[1:])):
            assert later.dts > frame.dts, (
                f".{output}: {kind} frame {index + 1} of {len(frames)} goes back from "
                f"{float(frame.dts):.4f} to {float(later.dts):.4f}")
            assert later.pts >= later.dts
    return times_of(output, body, "video")


def check_joins(output, frames):
    """Where time leaps another publisher goes on, and it begins with a sync frame."""
    assert frames[0].sync
    leaps = [later for frame, later in zip(frames, frames[1:])
             if later.dts - frame.dts > FRAME * 1.7]  # one is 1.5 long in what ffmpeg wrote
    unclean = [float(frame.dts) for frame in leaps if not frame.sync]
    assert not unclean, f".{output}: no sync frame after the leap to {unclean[0]:.3f} s"
    return len(leaps)


def check_decodes(output, body, folder):
    """ffmpeg decodes all of it. A frame that was cut with its publisher may show in .ts."""
    path = folder / f"watched.{output}"
    path.write_bytes(body)
    frames, messages = tools.decode(path, stop=output == "mp4")
    if output == "mp4":
        assert messages == "", messages
    about_time = [line for line in messages.splitlines()
                  if re.search(r"\b[DP]TS\b|timestamp|monoto|discontinu", line, re.IGNORECASE)
                  and "Packet corrupt" not in line]
    assert not about_time, about_time[0]
    return frames


def clips_of(media_sources, number):
    """What the publisher with that number sends: both containers, and sometimes another size."""
    container = ("ts", "frame", "ts", "keyframe")[number % 4]
    return media_sources.clip(LARGE if number % 5 == 4 else LIVE, container)


def check_all(watch, folder, times, wall):
    shown = {}
    for output, viewer in watch.viewers.items():
        body = bytes(viewer.body)
        frames = check_forward(output, body)
        joins = check_joins(output, frames)
        # A publisher of whole fragments may be ahead of its clock; then there is nothing to leap.
        assert joins >= times // 2
        passed = float(frames[-1].dts - frames[0].dts)
        assert abs(passed - wall) < 1.5, f".{output}: {passed:.1f} s of media in {wall:.1f} s"
        shown[output] = check_decodes(output, body, folder)
        assert shown[output] >= 0.95 * len(frames)
    assert abs(shown["ts"] - shown["mp4"]) <= 2 * times


@pytest.mark.parametrize("times", [20, pytest.param(200, marks=pytest.mark.long)])
def test_a_publisher_whose_connection_is_reset_again_and_again(
        relay, media_sources, tmp_path, times):
    last = clips_of(media_sources, 0)
    for number in range(20):
        clips_of(media_sources, number)
    watch = Watch(relay)
    began = time.monotonic()
    for number in range(times):
        publish_share(relay, watch, clips_of(media_sources, number), 0.13 + number % 3 * 0.03)
        watch.check_connected()
    publish_whole(relay, last)
    wall = time.monotonic() - began
    watch.check_end()
    check_all(watch, tmp_path, times, wall)


def test_an_ffmpeg_that_is_killed_again_and_again(relay, media_sources, tmp_path):
    times = 20
    watch = Watch(relay)
    began = time.monotonic()
    for number in range(times):
        clip, before = clips_of(media_sources, number), watch.received()
        with tools.ffmpeg_publish(clip.path, relay.url(f"/live/cam{clip.path.suffix}")) as ffmpeg:
            relay.wait_stream("live/cam", lambda stream: stream["live"])
            client.until(lambda: all(now > before[output] + 5000
                                     for output, now in watch.received().items()),
                         what="bytes for the viewers")
            ffmpeg.process.kill()
        wait_lost(relay)
        watch.check_connected()
    with tools.ffmpeg_publish(clips_of(media_sources, 0).path, relay.url("/live/cam.ts")) as ffmpeg:
        ffmpeg.result()
    wall = time.monotonic() - began
    watch.check_end()
    check_all(watch, tmp_path, times, wall)


@pytest.mark.parametrize("containers", ["ts frame", "frame ts"])
def test_a_pause_of_the_publisher_is_a_pause_in_the_stream(relay, media_sources, containers):
    clips = [media_sources.clip(BRIEF, container) for container in containers.split()]
    watch = Watch(relay)
    publish_whole(relay, clips[0])
    wait_lost(relay)
    before = relay.streams()["live/cam"]
    lost = time.monotonic()
    client.until(lambda: time.monotonic() - lost > 1, what="a pause")
    relay.publish(f"/live/cam{clips[1].path.suffix}", clips[1])
    after = relay.wait_stream("live/cam", lambda stream: stream["live"] and int(
        stream["tail"]["next_sequence"]) > int(before["tail"]["next_sequence"]))
    paused = time.monotonic() - lost
    assert after["epoch"] == before["epoch"]
    watch.check_end()
    for output, viewer in watch.viewers.items():
        frames = check_forward(output, bytes(viewer.body))
        assert len(frames) == 2 * BRIEF_FRAMES
        leap = max(later.dts - frame.dts for frame, later in zip(frames, frames[1:]))
        assert 0.8 < leap < paused + 0.5
        assert check_joins(output, frames) == 1


@pytest.mark.parametrize("containers", ["ts ts", "ts frame", "frame ts", "frame frame"])
def test_another_picture_size_needs_no_new_connection(relay, media_sources, tmp_path, containers):
    first, second = containers.split()
    watch = Watch(relay)
    publish_whole(relay, media_sources.clip(BRIEF, first), speed=2)
    publish_whole(relay, media_sources.clip(BRIEF_LARGE, second), speed=2)
    watch.check_end()
    for output, viewer in watch.viewers.items():
        path = tmp_path / f"watched.{output}"
        path.write_bytes(viewer.body)
        out, messages = tools.run("ffprobe", "-v", "warning", "-select_streams", "v", "-of",
                                  "csv=p=0", "-show_entries", "frame=width,height", path)
        sizes = re.findall(r"^(\d+,\d+)", out.decode(), re.MULTILINE)
        assert sizes == ["160,90"] * BRIEF_FRAMES + ["320,180"] * BRIEF_FRAMES
        assert messages == "", messages
        check_forward(output, bytes(viewer.body))


@pytest.mark.parametrize("containers, other", [
    ("ts ts", OTHER_AUDIO), ("ts frame", OTHER_AUDIO), ("frame ts", OTHER_AUDIO),
    ("frame frame", OTHER_AUDIO), ("ts frame", OTHER_VIDEO)],
    ids=lambda value: getattr(value, "name", value))
def test_what_mp4_cannot_say_ends_its_response_cleanly(
        relay, media_sources, tmp_path, containers, other):
    first, second = containers.split()
    watch = Watch(relay)
    publish_whole(relay, media_sources.clip(BRIEF, first), speed=2)
    publisher = relay.publish(f"/live/cam.{sources.CONTAINERS[second].extension}",
                              media_sources.clip(other, second))
    viewer = watch.viewers["mp4"].wait_end()
    assert viewer.complete and publisher.response is None
    assert len(times_of("mp4", bytes(viewer.body), "video")) == BRIEF_FRAMES
    assert check_decodes("mp4", viewer.body, tmp_path) == BRIEF_FRAMES
    # Who asks again gets the new one.
    again = relay.watch("/live/cam.mp4?wait=5&slow=catch_up").wait_head()
    assert again.status == 200
    assert publisher.wait().status == 200
    watch.check_end()
    frames = check_forward("ts", bytes(watch.viewers["ts"].body))
    assert len(frames) == 2 * BRIEF_FRAMES


@pytest.mark.parametrize("container", ["ts", "frame"])
def test_a_publisher_that_does_not_return_ends_the_stream(relay, media_sources, container):
    watch = Watch(relay)
    publish_share(relay, watch, media_sources.clip(LIVE, container), 0.3)
    lost = time.monotonic()
    assert relay.streams()["live/cam"]["live"] is False
    watch.check_end()
    assert GRACE - 1 < time.monotonic() - lost < GRACE + 2
    client.until(lambda: "live/cam" not in relay.streams(), what="the end of the stream")
    for output, viewer in watch.viewers.items():
        check_forward(output, bytes(viewer.body))


@pytest.mark.parametrize("container", ["ts", "frame"])
def test_a_publisher_that_returns_in_time_is_live_again(relay, media_sources, container):
    clip = media_sources.clip(LIVE, container)
    watch = Watch(relay)
    publish_share(relay, watch, clip, 0.3)
    before = relay.streams()["live/cam"]
    publisher = relay.publish(f"/live/cam{clip.path.suffix}", clip, speed=2)
    after = relay.wait_stream("live/cam", lambda stream: stream["live"])
    assert after["epoch"] == before["epoch"] and after["publisher"]["age_seconds"] < 2
    assert publisher.wait().status == 200
    watch.check_connected()
    watch.check_end()

"""That the judges are not blind: compare.py, mp4.py and mpegts.py on files we know."""

import pytest

import compare
import mp4
import mpegts
import sources
import tools

H264 = sources.BY_NAME["h264-aac"]


@pytest.fixture
def remux(media_sources, tmp_path):
    """remux(arguments) → what ffmpeg makes of the clip, and what it finds in both."""

    def make(*arguments, container="ts", source=H264):
        clip = media_sources.clip(source, container)
        path = tmp_path / f"other{clip.path.suffix}"
        tools.run("ffmpeg", "-v", "fatal", "-nostdin", "-y", *arguments[:arguments.index("-c")],
                  "-i", clip.path, "-map", "0", *arguments[arguments.index("-c"):],
                  *sources.CONTAINERS[container].arguments, path)
        return compare.read(clip.path), compare.read(path)

    return make


@pytest.mark.parametrize("source", sources.SOURCES, ids=lambda source: source.name)
def test_a_source_is_the_same_frames_in_every_container(media_sources, source):
    readings = [compare.read(media_sources.clip(source, name).path) for name in source.containers]
    for reading in readings:
        assert reading.message == ""
        for kind in ("video", "audio"):
            found, first = ([frame.digest for frame in one.track(kind)]
                            for one in (reading, readings[0]))
            assert found == first
    assert bool(readings[0].video) == bool(source.video)
    assert bool(readings[0].audio) == bool(source.audio)


@pytest.mark.parametrize("container", ["ts", "keyframe"])
def test_a_copy_is_equal(remux, container):
    assert compare.difference(*remux("-c", "copy", container=container), exact=True) == ""


@pytest.mark.parametrize("container", ["ts", "keyframe"])
@pytest.mark.parametrize("arguments, told", [
    (("-c", "copy", "-bsf:v", "noise=drop=eq(n\\,30)"), "video: frame"),
    (("-c", "copy", "-bsf:v", "noise=drop=gte(n\\,100)"), "video: ends after 100"),
    (("-c", "copy", "-bsf:a", "noise=drop=eq(n\\,100)"), "audio: frame"),
    (("-c", "copy", "-bsf:a", "noise=drop=lt(n\\,3)"), "audio: begins with frame 3"),
    (("-c", "copy", "-bsf:a", "noise=amount=if(eq(n\\,100)\\,50\\,0)"), "audio: frame 10"),
    (("-c", "copy", "-bsf:v", "setts=pts=PTS+if(eq(N\\,50)\\,200\\,0)"), "video: frame"),
    (("-c", "copy", "-bsf:a", "setts=ts=TS+5000"), "audio"),
])
def test_what_is_not_equal_is_found(remux, container, arguments, told):
    published, watched = remux(*arguments, container=container)
    watched.message = ""  # ffmpeg may have found it too
    found = compare.difference(published, watched, exact=False)
    assert told in found


def test_a_frame_that_comes_twice_is_found(remux):
    published, watched = remux("-c", "copy")
    watched.video.insert(40, watched.video[40])
    assert "frame 41 is another one (125 published, 126 watched)" in compare.difference(
        published, watched, exact=True)


def test_a_tick_counts_where_it_must(remux):
    published, watched = remux("-c", "copy")
    frame = watched.video[40]
    for ticks, exact, equal in ((0, True, True), (1, True, False), (1, False, True),
                                (2, False, False)):
        watched.video[40] = compare.Frame(frame.time + ticks * compare.TICK, frame.digest)
        assert (compare.difference(published, watched, exact=exact) == "") == equal


@pytest.mark.parametrize("name, entry, codec", [
    ("h264-aac", "avc1", "avc1.4D400D,mp4a.40.2"), ("h265-aac", "hev1", None),
    ("h264-mp3", "avc1", None), ("av1-opus", "av01", None), ("vp9-opus", "vp09", None)])
@pytest.mark.parametrize("container", ["keyframe", "frame", "4s"])
def test_the_mp4_parser_reads_what_ffmpeg_reads(media_sources, name, entry, codec, container):
    source = sources.BY_NAME[name]
    clip = media_sources.clip(source, container)
    movie = mp4.Movie(clip.data)
    reading = compare.read(clip.path)
    video, audio = movie.of("video"), movie.of("audio")
    assert (video.entry, video.width, video.height) == (entry, 160, 90)
    assert sorted(mp4.seconds(video, sample.pts) for sample in video.samples) == [
        frame.time for frame in reading.video]
    assert [mp4.seconds(audio, sample.pts) for sample in audio.samples] == [
        frame.time for frame in reading.audio]
    assert sum(sample.sync for sample in video.samples) == 5
    if codec:
        assert ",".join(track.codec_string for track in (video, audio)) == codec
    with pytest.raises(AssertionError):
        mp4.Movie(clip.data[:-20])


def test_the_ts_parser_reads_what_ffmpeg_reads(media_sources):
    clip = media_sources.clip(H264, "ts")
    frames = mpegts.timeline(clip.data, "video")
    reading = compare.read(clip.path)
    assert sorted(frame.pts for frame in frames) == [
        frame.time / compare.TICK for frame in reading.video]
    assert mpegts.timeline(clip.data, "audio")[0].pts == reading.audio[0].time / compare.TICK
    assert sum(frame.sync for frame in frames) == 5
    steps = {later.dts - frame.dts for frame, later in zip(frames, frames[1:])}
    assert steps == {3600}

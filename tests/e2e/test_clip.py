"""Clips of recordings: files that are nowhere, and that any player opens and seeks in."""

import contextlib
import json
import pathlib
import random
import re
import tempfile
import urllib.parse

import pytest

import client
import compare
import mp4
import recording_files
import recordings
import tools
import webdriver

FRAME = 0.04
STREAM = "/live/cam"


@pytest.fixture
def relay(start, tmp_path):
    return start(recordings.config(tmp_path / "root"))


def get_clip(relay, begin, end, **arguments):
    response = relay.get(recordings.clip_target(begin, end), **arguments)
    assert response.status in (200, 206), response.body
    assert len(response.body) == int(response.headers["content-length"])
    return response


def read(folder, data, name="clip.mp4"):
    """What ffmpeg reads from it, which must not say anything about it."""
    path = folder / name
    path.write_bytes(data)
    reading = compare.read(path)
    assert reading.message == ""
    assert tools.decode(path)[1] == ""
    return reading


def boxes_of(data):
    return [box.kind for box in mp4.boxes(data)]


@pytest.mark.parametrize("container", ["ts", "mp4"])
@pytest.mark.parametrize("name", ["plain", "reordered", "hevc", "audio"])
def test_a_clip_is_what_was_published(relay, media, tmp_path, container, name):
    published = media.in_container(name, container)
    timeline = recordings.record(relay, published, f"{STREAM}.{container}")
    span, = timeline["spans"]
    response = get_clip(relay, span["from"], span["to"])
    assert response.headers["content-type"] == "video/mp4"
    assert boxes_of(response.body) == [b"ftyp", b"moov", b"mdat"]
    # A frame is seen later than it is decoded. The first ones of an MPEG-TS are held back until all
    # is known of its tracks, so they are older than the chunk that they come with.
    moved = recordings.seconds_between(span["from"], response.headers["x-spancast-start"])
    assert abs(moved) < 0.5
    assert "x-spancast-gap" not in response.headers
    watched = read(tmp_path, response.body)
    kinds = ("audio",) if name == "audio" else ("video", "audio")
    assert not compare.difference(compare.read(published.path), watched, exact=False, kinds=kinds)


@pytest.mark.parametrize("container", ["ts", "mp4"])
def test_a_clip_shows_from_its_begin_to_its_end(relay, media, tmp_path, container):
    clip = media.in_container("plain", container)
    timeline = recordings.record(relay, clip, f"{STREAM}.{container}")
    published = compare.read(clip.path)
    span, = timeline["spans"]
    # UTC of a publisher is corrected in its first second: the times of frames are as they are here.
    begun = get_clip(relay, recordings.later(span["from"], 1.5), span["to"])
    names = [frame.digest for frame in published.video]
    known = names.index(read(tmp_path, begun.body).video[0].digest)
    start = recordings.later(begun.headers["x-spancast-start"], -known * FRAME)
    for first, last in [(38, 79), (45, 46), (50, 75), (99, 123)]:
        # In the middle of a frame, until just behind the begin of the last one.
        begin = recordings.later(start, first * FRAME + 0.01)
        end = recordings.later(start, last * FRAME + 0.01)
        watched = read(tmp_path, get_clip(relay, begin, end).body)
        frames = [frame.digest for frame in watched.video]
        assert frames == [frame.digest for frame in published.video[first:last + 1]]
        assert watched.video[0].time == 0
        seconds = (last + 1 - first) * FRAME
        audio = watched.audio_frame()
        # What is before it is for decoders that need a frame to begin with; it is not heard.
        assert -3 * audio <= watched.audio[0].time <= audio
        ended = watched.audio[-1].time + audio
        assert -audio <= float(ended) - (seconds - FRAME + 0.01) <= audio


def test_ranges_of_a_clip_are_parts_of_it(relay, media):
    timeline = recordings.record(relay, media.plain)
    span, = timeline["spans"]
    target = recordings.clip_target(span["from"], span["to"])
    whole = relay.get(target)
    tag, size = whole.headers["etag"], len(whole.body)
    assert whole.headers["accept-ranges"] == "bytes"
    random.seed(7)
    with client.Connection(relay.http_port) as connection:  # one, for all of them
        for _ in range(40):
            first = random.randrange(size)
            last = random.randrange(first, size)
            part = connection.request("GET", target, {"Range": f"bytes={first}-{last}"})
            assert part.status == 206
            assert part.headers["content-range"] == f"bytes {first}-{last}/{size}"
            assert part.headers["etag"] == tag
            assert part.body == whole.body[first:last + 1]
        assert connection.request("GET", target, {"Range": "bytes=-5"}).body == whole.body[-5:]
        head = connection.request("HEAD", target)
        assert (head.status, int(head.headers["content-length"])) == (200, size)
        assert connection.request("GET", target, {"If-None-Match": tag}).status == 304
        same = connection.request("GET", target, {"Range": "bytes=5-9", "If-Range": tag})
        assert (same.status, same.body) == (206, whole.body[5:10])
        other = connection.request("GET", target, {"Range": "bytes=5-9", "If-Range": '"other"'})
        assert (other.status, other.body) == (200, whole.body)
        behind = connection.request("GET", target, {"Range": f"bytes={size}-"})
        assert behind.status == 416
        assert behind.headers["content-range"] == f"bytes */{size}"
        assert connection.request("GET", target).body == whole.body


def test_every_wrong_request_for_a_clip_has_its_status(start, media, tmp_path):
    rules = {"clip": {"max": "10s"}, "paths": {"raw/**": {"recording": {"enabled": False}}}}
    relay = start(recordings.config(tmp_path / "root", rules))
    timeline = recordings.record(relay, media.plain)
    span, = timeline["spans"]
    begin, end = span["from"], span["to"]

    def refused(target, status, words):
        response = relay.get(target)
        assert response.status == status, response.body
        text = response.body.decode()
        assert words in text and text.count("\n") == 1, text
        assert response.headers["access-control-allow-origin"] == "*"

    def clip(*times, path="live/cam"):
        return recordings.clip_target(*times, path=path)

    refused(f"{STREAM}/clip.mp4", 400, "from")
    refused(clip("yesterday", end), 400, "from")
    refused(clip(recordings.later(begin, 2), begin), 400, "from is not before to")
    refused(clip(begin, begin), 400, "from is not before to")
    refused(clip("2999-01-01T00:00:00Z", "2999-01-01T00:00:05Z"), 400, "future")
    refused(clip("2999-01-01T00:00:00Z"), 400, "future")
    refused(clip("-11s"), 400, "clip.max")
    refused(clip(recordings.later(begin, -9), recordings.later(begin, 2)), 400, "clip.max")
    refused(clip(recordings.later(begin, -9), recordings.later(begin, -1)), 404, "nothing of")
    refused(clip("-10s", "-9.9s", path="live/none"), 404, "nothing of live/none")
    refused(clip("-10s", "-9.9s", path="raw/cam"), 404, "raw/cam is not recorded")
    response = client.request(relay.http_port, "POST", clip(begin, end))
    assert response.status == 405
    assert relay.admin(clip(begin, end)).status == 404
    nowhere = start().get(clip("-10s"))
    assert (nowhere.status, nowhere.body) == (404, b"nothing is recorded here\n")


def test_a_clip_goes_over_the_border_of_segments_and_over_a_restart(start, media, tmp_path):
    root = tmp_path / "root"
    clip = media.plain
    relays = []
    for _ in range(2):
        relays.append(start(recordings.config(root)))
        recordings.record(relays[-1], clip, speed=1)
        if len(relays) == 1:
            recordings.end(relays[0])
    relay = relays[-1]
    timeline = relay.get(f"{STREAM}/timeline.json").json()
    (one, other), (gap,) = timeline["spans"], timeline["gaps"]
    assert gap["reason"] == "restart"
    response = get_clip(relay, recordings.later(one["from"], 1), recordings.later(other["from"], 3))
    (begun, ended, reason), = recordings.gaps_of(response)
    assert (begun, ended, reason) == (gap["from"], gap["to"], "restart")
    watched = read(tmp_path, response.body)
    published = [frame.digest for frame in compare.read(clip.path).video]
    frames = [frame.digest for frame in watched.video]
    first = published.index(frames[0])
    assert 20 <= first <= 40  # see above
    second = len(published) - first
    assert frames[:second] == published[first:]
    assert 70 <= len(frames) - second <= 95
    assert frames[second:] == published[:len(frames) - second]
    # Real time: the second part is where it was.
    moved = float(watched.video[second].time - watched.video[second - 1].time)
    assert abs(moved - gap["seconds"]) < 0.5
    # From within the gap it begins behind it.
    middle = recordings.later(gap["from"], gap["seconds"] / 2)
    response = get_clip(relay, middle, recordings.later(other["from"], 1))
    begun = response.headers["x-spancast-start"]
    assert abs(recordings.seconds_between(other["from"], begun)) < 0.5
    assert [reason for *_, reason in recordings.gaps_of(response)] == ["restart"]
    frames = [frame.digest for frame in read(tmp_path, response.body).video]
    assert 20 <= len(frames) <= 40
    assert frames == published[:len(frames)]


def test_a_clip_of_what_is_being_recorded_ends_with_what_is_there(relay, media, tmp_path):
    publisher = relay.publish(f"{STREAM}.ts", media.long_plain)
    relay.wait_stream("live/cam", lambda stream: int(stream.get("recording", {})
                                                     .get("segments", 0)) >= 3)
    response = get_clip(relay, "-2s", None)
    # It is another file a moment later, so it says where this one is.
    assert response.headers["accept-ranges"] == "none"
    fixed = f"{STREAM}/{response.headers['content-location']}"
    watched = read(tmp_path, response.body)
    assert 20 <= len(watched.video) <= 51
    assert watched.video[0].time == 0
    # Who wants ranges is sent to a file that stays.
    moved = relay.get(recordings.clip_target("-2s"), headers={"Range": "bytes=0-"})
    assert moved.status == 307
    target = f"{STREAM}/{moved.headers['location']}"
    whole = relay.get(target)
    for first in (0, 1000, len(whole.body) // 2):
        part = relay.get(target, headers={"Range": f"bytes={first}-"})
        assert part.status == 206 and part.body == whole.body[first:]
    assert relay.get(fixed).status == 200
    # An end that is to come.
    ahead = get_clip(relay, "-2s", "2999-01-01T00:00:00Z")
    assert ahead.headers["accept-ranges"] == "none"
    publisher.close()


def test_a_picture_that_changes_its_size_goes_on_in_a_clip(relay, media, tmp_path):
    small = compare.read(media.plain.path)
    large = media.large
    for clip in (media.plain, large):
        assert relay.publish(f"{STREAM}.ts", clip).wait().status == 200
    timeline = recordings.wait_recorded(relay)
    begin, end = timeline["spans"][0]["from"], timeline["spans"][-1]["to"]
    response = get_clip(relay, begin, end)
    path = tmp_path / "clip.mp4"
    path.write_bytes(response.body)
    frames, message = tools.decode(path)
    assert message == ""
    assert frames == len(small.video) + 25 * large.seconds
    sizes, _ = tools.run("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries",
                         "frame=width", "-of", "csv=p=0", path)
    assert {int(size.strip(b",")) for size in sizes.split()} == {320, 640}


def test_damage_is_never_a_part_of_a_clip(relay, media, tmp_path):
    timeline = recordings.record(relay, media.plain)
    span, = timeline["spans"]
    whole = get_clip(relay, span["from"], span["to"])
    path = recording_files.files(tmp_path / "root")[2]
    data = path.read_bytes()
    boxes = list(mp4.boxes(data))
    mdat = [box for box in boxes if box.kind == b"mdat"][10]
    with open(path, "r+b") as file:  # in a payload
        file.seek(mdat.body + 50)
        file.write(bytes([data[mdat.body + 50] ^ 1]))
    with client.Connection(relay.http_port) as connection:
        connection.send_head("GET", recordings.clip_target(span["from"], span["to"]))
        head = connection.read_head()
        assert head.status == 200
        body = b""
        with contextlib.suppress(ConnectionResetError):
            while part := connection.reader.read1(65536):
                body += part
    assert len(body) < int(head.headers["content-length"])
    assert whole.body.startswith(body)
    assert relay.wait_log(r"clip ended .* reason=disk detail=.*checksum")
    with open(path, "r+b") as file:  # whole again, but for the box before a chunk
        file.seek(mdat.body + 50)
        file.write(data[mdat.body + 50:mdat.body + 51])
        file.seek(mdat.start - 60)
        file.write(bytes([data[mdat.start - 60] ^ 1]))
    begin = recordings.later(span["from"], 0.001)  # not the plan that is there
    response = get_clip(relay, begin, span["to"])
    assert [reason for *_, reason in recordings.gaps_of(response)] == ["damaged"]
    watched = read(tmp_path, response.body)
    published = [frame.digest for frame in compare.read(media.plain.path).video]
    assert {frame.digest for frame in watched.video} < set(published)


def test_what_a_clip_needs_is_not_removed(start, media, tmp_path):
    relay = start(recordings.config(tmp_path / "root", segment="1s",
                                    keep={"age": "20s", "free_bytes": 0}))
    timeline = recordings.record(relay, media.heavy, speed=8)
    span, = timeline["spans"]
    target = recordings.clip_target(span["from"], span["to"])
    whole = relay.get(target)
    viewer = client.Viewer(relay.http_port, target, receive_buffer=8192)
    relay.clients.append(viewer)
    viewer.wait_head()
    count = len(recording_files.files(tmp_path / "root"))
    # Everything is old now; what the clip has is there until it is over.
    recordings.record(relay, media.plain, "/live/other.ts")
    viewer.wait_end(60)
    assert viewer.body == whole.body
    assert count == len(recording_files.files(tmp_path / "root"))


def test_thousands_of_clips_at_once_are_served_or_refused(relay, media):
    """And nobody else notices."""
    timeline = recordings.record(relay, media.plain)
    span, = timeline["spans"]
    expected = len(get_clip(relay, span["from"], recordings.later(span["from"], 3)).body)
    viewer = relay.watch(f"{STREAM}2.ts?wait=20")
    relay.wait_waiting(1)
    publisher = relay.publish(f"{STREAM}2.ts", media.plain)
    statuses = {}
    with contextlib.ExitStack() as stack:
        clients = []
        for number in range(1500):
            connection = stack.enter_context(client.Connection(relay.http_port))
            begin = recordings.later(span["from"], number * 1e-6)
            connection.send_head("GET", recordings.clip_target(
                begin, recordings.later(span["from"], 3)))
            clients.append(connection)
        for connection in clients:
            response = connection.read_response()
            statuses[response.status] = statuses.get(response.status, 0) + 1
            if response.status == 503:
                assert int(response.headers["retry-after"]) > 0
            else:
                assert response.status == 200
                assert len(response.body) <= expected
    assert statuses.get(200, 0) >= 100, statuses
    assert publisher.wait().status == 200
    viewer.wait_end()
    assert viewer.body == media.plain.watched_from_start
    assert relay.get(recordings.clip_target(span["from"], span["to"])).status == 200


# Players.


@pytest.fixture
def long_clip(relay, media):
    """12 seconds from 1.5 s on, in the middle of a group: URL and frames."""
    clip = media.looped("three_times", media.plain, 3)
    timeline = recordings.record(relay, clip)
    span, = timeline["spans"]
    begin = recordings.later(span["from"], 1.5)
    return relay.url(recordings.clip_target(begin, recordings.later(span["from"], 13.5))), 300


def test_ffmpeg_and_ffprobe_seek_in_a_clip(long_clip, tmp_path):
    url, frames = long_clip
    out, message = tools.run("ffprobe", "-v", "warning", "-count_frames", "-show_entries",
                             "stream=codec_type,nb_read_frames,start_time,duration", "-of", "json",
                             url)
    assert message == ""
    video, audio = json.loads(out)["streams"]
    assert frames <= int(video["nb_read_frames"]) <= frames + 1
    assert float(video["start_time"]) == 0 and abs(float(audio["start_time"])) < 0.022
    assert abs(float(video["duration"]) - 12) < 0.041
    path = tmp_path / "seek.png"
    out, message = tools.run("ffmpeg", "-v", "warning", "-ss", "7.4", "-i", url, "-frames:v", "5",
                             "-fps_mode", "passthrough", "-f", "framemd5", "-")
    assert message == "" and len([line for line in out.splitlines() if b"#" not in line]) >= 5


def test_mpv_seeks_in_a_clip(long_clip, tmp_path):
    url, frames = long_clip
    # It does not know edit lists: what is before the begin it shows for some milliseconds.
    out, _ = tools.run("mpv", "--no-config", "--vo=null", "--ao=null", "--frames=1",
                       "--term-playing-msg=begins=${=time-pos} lasts=${=duration}", url)
    begins, lasts = re.search(rb"begins=(\S+) lasts=(\S+)", out).groups()
    assert -0.01 < float(begins) <= 0 and abs(float(lasts) - 12) < 0.05
    tools.run("mpv", "--no-config", "--vo=image", "--vo-image-format=jpg", "--ao=null", "--untimed",
              f"--vo-image-outdir={tmp_path}", url)
    assert frames <= len(list(tmp_path.glob("*.jpg"))) <= frames + 25
    folder = tmp_path / "from"
    folder.mkdir()
    _, message = tools.run("mpv", "--no-config", "--vo=image", "--vo-image-format=jpg", "--ao=null",
                           "--untimed", "--start=8", "--hr-seek=yes",
                           f"--vo-image-outdir={folder}", url)
    assert frames - 8 * 25 - 1 <= len(list(folder.glob("*.jpg"))) <= frames - 8 * 25 + 1


def test_vlc_seeks_in_a_clip(long_clip):
    url, _ = long_clip
    for more, least in ([], 9), (["--start-time=8"], 2):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder).chmod(0o777)  # VLC runs as nobody
            tools.run(*tools.as_nobody(), "cvlc", "--play-and-exit", "--vout", "dummy", "--aout",
                      "dummy", "--video-filter=scene", "--scene-format=png", "--scene-ratio=25",
                      f"--scene-path={folder}", *more, url, environment={"HOME": folder})
            seen = len(list(pathlib.Path(folder).glob("*.png")))
            assert least <= seen <= least + 5, seen


def test_gstreamer_plays_a_clip(long_clip):
    url, frames = long_clip
    decode = "demux. ! queue ! {} ! {} ! identity name={} silent=false ! fakesink sync=false"
    out, _ = tools.run(*f"gst-launch-1.0 -v souphttpsrc location={url} ! qtdemux name=demux".split(),
                       *decode.format("h264parse", "avdec_h264", "video").split(),
                       *decode.format("aacparse", "avdec_aac", "audio").split())
    assert b"Got EOS" in out
    seen = len([line for line in out.splitlines()
                if b"video: last-message = chain" in line])
    # Its decoder lets what is before the begin, for a moment, last as long as a frame.
    assert frames <= seen <= frames + 26


@pytest.mark.skipif(webdriver.version() is None, reason="there is no chromedriver")
def test_chromium_seeks_in_a_clip(long_clip, pages, tmp_path):
    url, _ = long_clip
    with webdriver.Browser(tmp_path) as browser:
        browser.open(f"{pages}/video.html?source={urllib.parse.quote(url, safe='')}")

        def reached(seconds):
            state = browser.run("return window.state()")
            assert state["problem"] is None, state
            return state["time"] > seconds and state
        state = client.until(lambda: reached(0.5), what="the picture")
        assert (state["width"], state["height"]) == (320, 180)
        assert abs(browser.run("return document.querySelector('video').duration") - 12) < 0.1
        browser.run("document.querySelector('video').currentTime = 9; return 0")
        state = client.until(lambda: reached(9.5), what="the picture behind the seek")
        assert state["time"] < 12.1
        browser.run("document.querySelector('video').currentTime = 3; return 0")
        client.until(lambda: 3.3 < (reached(0) or {"time": 0})["time"] < 8, what="the seek back")

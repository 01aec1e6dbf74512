"""Watching what was recorded: from the past into live on one connection, every frame once."""

import datetime
import signal

import client
import compare
import pytest
import recordings
import relay as relay_module
import tools
import wire_client
import wire_media

STREAM = "/live/cam"
# Small, so that a viewer that stops reading is noticed soon and not hidden by the kernel.
BUFFER = 8192


def config(root, more=None):
    """Segments of a second, and a tail that is soon left."""
    return recordings.config(root, relay_module.merged({"stream": {"tail": "1500ms"}}, more or {}))


def seconds(number):
    return datetime.timedelta(seconds=number)


def start_of(relay, at):
    """The UTC with which a response would begin; None: there is none."""
    answer = client.request(relay.http_port, "HEAD", f"{STREAM}.ts?at={at}")
    return recordings.utc(answer.headers["x-spancast-start"]) if answer.status == 200 else None


def first_of(relay):
    return client.until(lambda: start_of(relay, "-3600s"), what="a recording")


def wait_past(utc):
    """Clips are published faster than they last: their last frames are ahead of the clock."""
    client.until(lambda: datetime.datetime.now(datetime.timezone.utc) > utc, what=f"{utc}")


def end_of(relay):
    return recordings.utc(recordings.wait_recorded(relay)["spans"][-1]["to"])


def watch_at(relay, extension, utc, more="", **arguments):
    return relay.watch(f"{STREAM}.{extension}?at={recordings.iso(utc)}{more}", **arguments)


def read(folder, viewer, extension):
    path = folder / f"watched-{id(viewer)}.{extension}"
    path.write_bytes(bytes(viewer.body))
    return compare.read(path)


def check_to_the_end(published, watched):
    """All frames from a keyframe on, each once and in order, with their sound. Returns which."""
    assert watched.message == "", watched.message
    first = len(published.video) - len(watched.video)
    assert first % 25 == 0, f"begins with frame {first}"
    assert not compare.differs(published.video[first:], watched.video, compare.TICK)
    begin = len(published.audio) - len(watched.audio)
    assert not compare.differs(published.audio[begin:], watched.audio, compare.COUNTED)
    apart = watched.offset() - (published.audio[begin].time - published.video[first].time)
    assert abs(apart) <= published.audio_frame()
    return first


@pytest.mark.parametrize("container", ["ts", "mp4"])
def test_from_the_past_into_live(start, media, tmp_path, container):
    relay = start(config(tmp_path / "root"))
    clip = media.in_container("lasting", container)
    published = compare.read(clip.path)
    publisher = relay.publish(f"{STREAM}.{container}", clip)
    client.until(lambda: publisher.sent > len(clip.data) * 0.75, what="six seconds")
    viewers = [(extension, relay.watch(f"{STREAM}.{extension}?at=-{ago}s"))
               for extension in ("ts", "mp4") for ago in (3.3, 2.3)]
    # They are live, and read nothing from disk, long before the end.
    client.until(lambda: int(relay.streams()["live/cam"].get("viewers", 0)) == len(viewers)
                 and relay.metric("spancast_past_streams") == 0
                 and relay.metric("spancast_past_reads_total") > 0, what="the live end")
    assert publisher.sent < len(clip.data) * 0.98
    reads = relay.metric("spancast_past_reads_total")
    publisher.wait()
    begins = []
    for extension, viewer in viewers:
        viewer.wait_end()
        assert viewer.response.status == 200 and viewer.complete
        assert "x-spancast-gap" not in viewer.response.headers
        first = check_to_the_end(published, read(tmp_path, viewer, extension))
        begin = recordings.utc(viewer.response.headers["x-spancast-start"])
        begins.append(begin - seconds(first / 25))
    # The same clock for all, and a keyframe each second.
    assert max(begins) - min(begins) <= seconds(0.002)
    assert relay.metric("spancast_past_reads_total") == reads
    assert relay.metric("spancast_past_bytes_held") == 0
    assert relay.metric("spancast_viewer_skips_total") == 0


def test_what_is_in_the_tail_is_not_read_from_disk(start, media, tmp_path):
    relay = start(config(tmp_path / "root", {"stream": {"tail": "15s"}}))
    clip = media.lasting
    publisher = relay.publish(f"{STREAM}.ts", clip)
    client.until(lambda: publisher.sent > len(clip.data) * 0.5, what="four seconds")
    viewers = {extension: relay.watch(f"{STREAM}.{extension}?at=-2.3s")
               for extension in ("ts", "mp4")}
    publisher.wait()
    published = compare.read(clip.path)
    for extension, viewer in viewers.items():
        viewer.wait_end()
        assert check_to_the_end(published, read(tmp_path, viewer, extension)) in (25, 50)
    assert relay.metric("spancast_past_bytes_total") == 0
    assert relay.metric("spancast_viewer_skips_total") == 0


@pytest.mark.parametrize("extension", ["ts", "mp4"])
def test_catch_up_loses_nothing(start, media, tmp_path, extension):
    """A viewer takes nothing for longer than the tail, twice, and goes on from disk."""
    relay = start(config(tmp_path / "root", {
        "viewer": {"slow": "catch_up", "stall_timeout": "30s", "unsent": "64KiB"},
        "stream": {"tail": "1s"}}))
    clip = media.heavy
    published = compare.read(clip.path)
    viewer = relay.watch(f"{STREAM}.{extension}?wait=20", receive_buffer=BUFFER)
    publisher = relay.publish(f"{STREAM}.ts", clip)
    for part in (0.1, 0.55):
        client.until(lambda: publisher.sent > len(clip.data) * part, what="some more")
        viewer.pause()
        sent = publisher.sent
        client.until(lambda: publisher.sent > sent + len(clip.data) * 0.35, what="a long pause")
        viewer.resume()
    publisher.wait()
    viewer.wait_end()
    assert viewer.complete
    assert relay.metric("spancast_past_bytes_total") > 0
    assert relay.metric("spancast_viewer_skips_total") == 0
    watched = read(tmp_path, viewer, extension)
    assert len(watched.video) == len(published.video)
    assert not compare.differs(published.video, watched.video, compare.TICK)
    assert not compare.differs(published.audio, watched.audio, compare.COUNTED)
    assert watched.message == ""


def test_what_nobody_publishes_any_more_is_played_to_its_end(start, media, tmp_path):
    relay = start(config(tmp_path / "root"))
    clip = media.plain
    relay.publish(f"{STREAM}.ts", clip, speed=3).wait()
    client.until(lambda: "live/cam" not in relay.streams(), what="the end of the stream")
    published = compare.read(clip.path)
    first = first_of(relay)
    wait_past(first + seconds(clip.seconds + 1))
    for extension in ("ts", "mp4"):
        viewer = watch_at(relay, extension, first + seconds(3.5)).wait_end()
        assert viewer.complete
        assert check_to_the_end(published, read(tmp_path, viewer, extension)) >= 50
    # A player of the past reads it like any other stream.
    tools.run("curl", "-sf", "-o", tmp_path / "curl.mp4", relay.url(f"{STREAM}.mp4?at=-1h"))
    assert tools.decode(tmp_path / "curl.mp4") == (125, "")
    out, _ = tools.run("ffprobe", "-v", "error", "-count_frames", "-select_streams", "v",
                       "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0",
                       relay.url(f"{STREAM}.ts?at=-1h"))
    assert set(out.split()) == {b"125"}  # by program, and again by stream


def test_where_nothing_is_recorded_it_begins_with_what_comes_next(start, media, tmp_path):
    relay = start(config(tmp_path / "root"))
    clip = media.plain
    for _ in range(2):
        relay.publish(f"{STREAM}.ts", clip, speed=3).wait()
        client.until(lambda: "live/cam" not in relay.streams(), what="the end of the stream")
        wait_past(end_of(relay) + seconds(3))
    first = first_of(relay)
    viewer = watch_at(relay, "ts", first - seconds(100)).wait_end()
    assert recordings.utc(viewer.response.headers["x-spancast-start"]) == first
    gap, reason = viewer.response.headers["x-spancast-gap"].split("; ")
    assert reason == "reason=not_kept"
    assert recordings.utc(gap.split("/")[1]) == first
    # Behind the first part; the second begins whenever it was published.
    viewer = watch_at(relay, "mp4", first + seconds(6.5)).wait_end()
    second = recordings.utc(viewer.response.headers["x-spancast-start"])
    gap, reason = viewer.response.headers["x-spancast-gap"].split("; ")
    assert reason == "reason=publisher"
    first_end, second_begin = map(recordings.utc, gap.split("/"))
    assert second == second_begin
    assert 4.5 < (first_end - first).total_seconds() < 6
    published = compare.read(clip.path)
    assert check_to_the_end(published, read(tmp_path, viewer, "mp4")) == 0
    # Through the gap, in one response.
    viewer = watch_at(relay, "ts", first + seconds(2.5)).wait_end()
    watched = read(tmp_path, viewer, "ts")
    digests = [frame.digest for frame in published.video]
    have = [frame.digest for frame in watched.video]
    begin = digests.index(have[0])
    assert begin > 0 and have == digests[begin:] + digests


def test_hostile_times(start, media, tmp_path):
    relay = start(config(tmp_path / "root"))
    get = lambda query: relay.get(f"{STREAM}.ts?at={query}")
    now = datetime.datetime.now(datetime.timezone.utc)
    answer = get(recordings.iso(now))
    assert answer.status == 404 and b"recorded" in answer.body
    answer = get(recordings.iso(now + seconds(60)))
    assert answer.status == 400 and b"future" in answer.body
    for wrong in ("", "yesterday", "30s", "--30s", "-", "-30", "2026-13-01T00:00:00Z", "-1y",
                  "2026-11-23", "%00", "-99999999999999999999s", "1e9", "0000-00-00T00:00:00Z"):
        status = get(wrong).status
        assert status in (400, 404), (wrong, status)
    assert get("1970-01-01T00:00:00Z").status == 404
    assert get("0000-01-01T00:00:00Z").status == 404
    relay.publish(f"{STREAM}.ts", media.plain, speed=5).wait()
    client.until(lambda: "live/cam" not in relay.streams(), what="the end of the stream")
    first = first_of(relay)
    for early in ("1970-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "-9999h"):
        viewer = relay.watch(f"{STREAM}.ts?at={early}").wait_end()
        assert recordings.utc(viewer.response.headers["x-spancast-start"]) == first
    assert get(recordings.iso(first + seconds(30))).status in (400, 404)
    # Many at once, which go before they are answered.
    for _ in range(200):
        connection = relay.connect()
        connection.send_head("GET", f"{STREAM}.ts?at=-1h")
        connection.drop()
    client.until(lambda: relay.metric("spancast_past_streams") == 0, what="nobody watches")
    assert relay.metric("spancast_past_bytes_held") == 0


def test_without_recordings_the_tail_is_the_past(start, media, tmp_path):
    relay = start({"stream": {"tail": "15s"}})
    clip = media.lasting
    publisher = relay.publish(f"{STREAM}.ts", clip)
    client.until(lambda: publisher.sent > len(clip.data) * 0.4, what="three seconds")
    viewer = relay.watch(f"{STREAM}.ts?at=-1.5s")
    early = relay.watch(f"{STREAM}.ts?at=-60s")
    publisher.wait()
    published = compare.read(clip.path)
    viewer.wait_end()
    assert check_to_the_end(published, read(tmp_path, viewer, "ts")) in (25, 50)
    early.wait_end()
    assert early.response.headers["x-spancast-gap"].endswith("reason=stopped")
    assert check_to_the_end(published, read(tmp_path, early, "ts")) == 0


def test_what_is_damaged_is_left_out(start, media, tmp_path):
    relay = start(config(tmp_path / "root"))
    clip = media.plain
    relay.publish(f"{STREAM}.mp4", media.in_container("plain", "mp4"), speed=5).wait()
    client.until(lambda: "live/cam" not in relay.streams(), what="the end of the stream")
    files = sorted((tmp_path / "root" / "live/cam").glob("@*/*/*.mp4"))
    data = bytearray(files[2].read_bytes())
    at = data.index(b"mdat", len(data) // 2)
    data[at + 8] ^= 0xFF
    files[2].write_bytes(data)
    published = compare.read(clip.path)
    for extension in ("ts", "mp4"):
        viewer = relay.watch(f"{STREAM}.{extension}?at=-1h").wait_end()
        watched = read(tmp_path, viewer, extension)
        assert watched.message == "", watched.message
        where = {frame.digest: number for number, frame in enumerate(published.video)}
        numbers = [where[frame.digest] for frame in watched.video]
        missing = sorted(set(range(125)) - set(numbers))
        assert numbers == sorted(set(numbers))
        # Up to the next keyframe.
        assert missing and missing == list(range(missing[0], missing[-1] + 1))
        assert 0 < missing[0] % 25 and (missing[-1] + 1) % 25 == 0
    assert relay.metric("spancast_past_damaged_total") >= 1


def test_many_viewers_of_one_past_minute_read_it_once(start, media, tmp_path):
    relay = start(config(tmp_path / "root"))
    clip = media.heavy
    relay.publish(f"{STREAM}.ts", clip, speed=4).wait()
    client.until(lambda: "live/cam" not in relay.streams(), what="the end of the stream")
    # The first one does not get ahead of those that are still coming.
    first = relay.watch(f"{STREAM}.mp4?at=-1h", receive_buffer=BUFFER)
    first.pause()
    viewers = [first] + [relay.watch(f"{STREAM}.mp4?at=-1h") for _ in range(60)]
    first.resume()
    bodies = {bytes(viewer.wait_end(120).body) for viewer in viewers}
    assert all(viewer.complete for viewer in viewers)
    size = sum(path.stat().st_size for path in (tmp_path / "root").rglob("*.mp4"))
    assert relay.metric("spancast_past_bytes_total") < 1.5 * size
    (tmp_path / "one.mp4").write_bytes(bodies.pop())
    assert not bodies, "they are not all the same"
    assert tools.decode(tmp_path / "one.mp4") == (25 * clip.seconds, "")


# Over the wire.

def camera(relay, clip, **arguments):
    return wire_media.live(relay.http_port, clip, STREAM, **arguments)


def player(relay, **arguments):
    return wire_client.Player(relay.http_port, STREAM, **arguments)


def test_over_the_wire_from_the_past_into_live(start, wire_clip, tmp_path):
    relay = start(config(tmp_path / "root"))
    with camera(relay, wire_clip, speed=2) as (source, filming):
        client.until(lambda: source.acknowledged > 150, what="six seconds")
        epoch = source.epoch
        with player(relay, start={"cursor": (epoch, 13)}) as exact, \
                player(relay, start={"at_utc_us": filming.utcs[60]}) as at, \
                player(relay, start={"cursor": (epoch, 20)}, until=(epoch, 90)) as until:
            at.wait_position(source.next + 20)
            exact.wait_position(source.next)
            until.wait_bye()
            exact.check_once(13, exact.chunks[-1].sequence + 1)
            at.check_once(50, at.chunks[-1].sequence + 1)
            until.check_once(20, 90)
            assert [bye.reason for bye in until.byes] == ["UNTIL"]
            for one in (exact, at, until):
                filming.check_payload(one.chunks)
            client.until(lambda: relay.metric("spancast_past_viewers") == 0, what="the live end")


def test_seeks_reach_what_is_recorded(start, wire_clip, tmp_path):
    relay = start(config(tmp_path / "root"))
    with camera(relay, wire_clip, speed=2) as (source, filming):
        client.until(lambda: source.acknowledged > 150, what="six seconds")
        with player(relay) as one:
            one.wait_chunks(5)
            for number in (3, 140, 77, 20):
                one.seek(cursor=(source.epoch, number))
                one.wait(lambda: one.answered and one.chunks[-1].sequence > number + 30
                         and number in one.sequences()[-400:], "what was asked for")
                got = one.sequences()
                begin = len(got) - 1 - got[::-1].index(number)
                assert got[begin:begin + 30] == list(range(number, number + 30))
                assert number in one.sequences()
            one.seek(live=True)
            one.wait(lambda: one.answered and one.chunks[-1].sequence > source.next - 40, "live")
            assert one.gaps == []
            filming.check_payload(one.chunks)


def test_faster_only_sync_chunks_come_until_it_is_live(start, wire_clip, tmp_path):
    relay = start(config(tmp_path / "root"))
    with camera(relay, wire_clip, speed=2) as (source, filming):
        client.until(lambda: source.acknowledged > 200, what="eight seconds")
        with player(relay, start={"cursor": (source.epoch, 0)}, speed=400) as fast:
            fast.wait(lambda: fast.chunks and fast.chunks[-1].sequence > source.next - 5, "live")
            fast.wait_chunks(len(fast.chunks) + 20)
            numbers = fast.sequences()
            assert fast.gaps == []
            live = next(index for index, (one, two) in enumerate(zip(numbers, numbers[1:]))
                        if two == one + 1)
            assert live >= 3
            syncs = [number for number, (samples, _) in sorted(filming.added.items())
                     if any(one.sync and one.track == 0 for one in samples)]
            assert numbers[:live + 1] == syncs[:live + 1]
            assert numbers[live:] == list(range(numbers[live], numbers[-1] + 1))
            filming.check_payload(fast.chunks)


def test_a_player_that_catches_up_loses_nothing(start, wire_clip, tmp_path):
    relay = start(config(tmp_path / "root", {"stream": {"tail": "1s"}}))
    with camera(relay, wire_clip, speed=2) as (source, filming):
        with player(relay, slow="CATCH_UP") as one:
            one.wait_chunks(10)
            one.pause()
            paused = source.next
            client.until(lambda: source.acknowledged > paused + 120, what="a long pause")
            one.resume()
            one.wait_position(source.next + 20)
            one.check_once(one.chunks[0].sequence, one.chunks[-1].sequence + 1)
            filming.check_payload(one.chunks)
        assert relay.metric("spancast_past_bytes_total") > 0


def test_players_resume_from_disk_when_relay_and_camera_died(start, wire_clip, tmp_path):
    settings = config(tmp_path / "root", {"publisher": {"grace": "2s"}})
    relay = start(settings)
    with camera(relay, wire_clip, speed=2) as (source, filming):
        client.until(lambda: source.acknowledged > 100, what="four seconds")
    client.until(lambda: relay.metric("spancast_recording_backlog_bytes") == 0
                 and "live/cam" in relay.streams(), what="all that came on disk")
    relay.signal(signal.SIGKILL)
    relay.expected_exit = -signal.SIGKILL
    relay.wait_exit()
    relay = start(settings)
    with player(relay, start={"cursor": (source.epoch, 30)}) as one:
        one.wait_bye()
        # It may have had one more than it told the camera.
        assert source.acknowledged <= one.chunks[-1].sequence + 1
        one.check_once(30, one.chunks[-1].sequence + 1)
        assert one.byes[-1].reason == "NOT_FOUND"
        filming.check_payload(one.chunks)
    # Another camera: what was not recorded in between is a gap.
    with player(relay, start={"cursor": (source.epoch, 60)}) as one:
        one.wait_position(source.acknowledged - 1)
        with camera(relay, wire_clip, speed=2) as (second, filming):
            one.wait_gaps(1)
            one.wait(lambda: one.chunks[-1].sequence > 10 and one.chunks[-1].epoch == second.epoch,
                     "the other camera")
        assert one.gaps[0].reason in ("PUBLISHER", "RESTART")  # as the live log or the files tell it
        assert one.gaps[0].end == (second.epoch, 0)

"""Minutes of a camera, read back from files, by clip, as the past over HTTP and over the wire."""

import dataclasses
import datetime
import fractions

import client
import compare
import recorded
import recording_files
import recordings
import wire_client
import wire_media

STREAM = "/live/cam"


def looped(clip, wire_clip, rounds):
    """What a camera films that begins anew with the clip so many times."""
    once = compare.read(clip.path)
    track = wire_clip.tracks[0]
    lasts = fractions.Fraction(wire_clip.round_ticks(track), track.timescale)
    def again(frames):
        return [dataclasses.replace(frame, time=frame.time + number * lasts)
                for number in range(rounds) for frame in frames]
    return compare.Reading(again(once.video), again(once.audio), "")


def read(tmp_path, name, body):
    path = tmp_path / name
    path.write_bytes(body)
    return compare.read(path)


def check(published, watched):
    """Every frame once, in order, and shown when it was; sound likewise."""
    assert watched.message == ""
    assert not compare.differs(published.video, watched.video, compare.TICK)
    assert [frame.digest for frame in watched.audio] == [frame.digest for frame in published.audio]


def check_files(root, filming):
    numbers = []
    for path in recording_files.files(root):
        assert recording_files.is_closed(path), path
        for chunk in recording_files.chunks(path):
            assert chunk.payload == filming.added[chunk.sequence][1], chunk.sequence
            assert chunk.utc_us == filming.utcs[chunk.sequence], chunk.sequence
            numbers.append(chunk.sequence)
    assert numbers == list(range(len(filming.added)))


def check_wire(relay, camera, filming):
    end = len(filming.added)
    with wire_client.Player(relay.http_port, STREAM, start={"cursor": (camera.epoch, 0)},
                            until=(camera.epoch, end)) as player:
        player.wait_bye(timeout=120)
    player.check_once(0, end)
    filming.check_payload(player.chunks)
    assert all(one.chunk.utc_us == filming.utcs[one.sequence] for one in player.chunks)
    assert player.gaps == []


def test_minutes_are_read_back_with_every_frame_once(start, media, tmp_path, request):
    seconds = 600 if request.config.getoption("--long") else 60
    clip = media.in_container("plain", "mp4")
    wire_clip = wire_media.Clip(clip)
    rounds = seconds // clip.seconds
    root = tmp_path / "root"
    relay = start(recorded.config(root, {"publisher": {"grace": "1s"}}, segment="4s"))
    with wire_media.live(relay.http_port, wire_clip, speed=1,
                         chunks=rounds * wire_clip.frames) as (camera, filming):
        filming.wait(seconds + 60)
        camera.wait(lambda: camera.durable == camera.next, "all of it durable")
        camera.finish()
        span, = recordings.wait_recorded(relay)["spans"]
    check_files(root, filming)
    check_wire(relay, camera, filming)
    published = looped(clip, wire_clip, rounds)
    for extension in ("ts", "mp4"):
        viewer = relay.watch(f"{STREAM}.{extension}?at={span['from']}").wait_end(120)
        assert viewer.complete and "x-spancast-gap" not in viewer.response.headers
        check(published, read(tmp_path, f"past.{extension}", bytes(viewer.body)))
    answer = relay.get(recordings.clip_target(span["from"], span["to"]))
    assert answer.status == 200 and "x-spancast-gap" not in answer.headers
    begin = datetime.datetime.fromtimestamp(filming.utcs[0] / 1e6, datetime.timezone.utc)
    assert abs(recordings.seconds_between(recordings.iso(begin),
                                          answer.headers["x-spancast-start"])) < 0.002
    check(published, read(tmp_path, "clip.mp4", answer.body))


def test_a_viewer_that_stands_still_for_long_loses_nothing(start, media, tmp_path):
    """For 20 s, ten times as long as the tail."""
    clip = media.in_container("heavy", "mp4")
    wire_clip = wire_media.Clip(clip)
    rounds = 40 // clip.seconds
    relay = start(recorded.config(tmp_path / "root", {
        "publisher": {"grace": "1s"}, "viewer": {"stall_timeout": "60s", "unsent": "64KiB"}}))
    viewers = {extension: relay.watch(f"{STREAM}.{extension}?wait=20", receive_buffer=8192)
               for extension in ("ts", "mp4")}
    with wire_media.live(relay.http_port, wire_clip, speed=1,
                         chunks=rounds * wire_clip.frames) as (camera, filming):
        player = wire_client.Player(relay.http_port, STREAM, start={"live": True},
                                    slow="CATCH_UP")
        with player:
            player.wait_chunks(5)
            for one in (*viewers.values(), player):
                one.pause()
            until = len(filming.added) + 20 * wire_clip.frames // clip.seconds
            client.until(lambda: len(filming.added) > until, 40, what="20 s")
            for one in (*viewers.values(), player):
                one.resume()
            # They are live again before the camera ends.
            client.until(lambda: relay.metric("spancast_past_bytes_total") > 0
                         and relay.metric("spancast_past_viewers") == 0, what="the live end")
            assert not filming.done.is_set()
            filming.wait(60)
            camera.finish()
            player.wait_position(camera.next - 1)
    player.check_once(player.chunks[0].sequence, camera.next)
    filming.check_payload(player.chunks)
    assert player.gaps == []
    published = looped(clip, wire_clip, rounds)
    for extension, viewer in viewers.items():
        viewer.wait_end()
        assert viewer.complete
        check(published, read(tmp_path, f"watched.{extension}", bytes(viewer.body)))
    assert relay.metric("spancast_viewer_skips_total") == 0

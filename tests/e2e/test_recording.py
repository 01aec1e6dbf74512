"""Streams that are kept on disk: what the files hold, what is said of them, and what goes wrong."""

import os
import signal

import client
import compare
import programs
import pytest
import recording_files
import relay as relay_module
import tools
import wire_media

STREAM = "/live/cam"


def config(root, more=None, **recording):
    """`recording`: what is set besides; segments of a second, soon durable."""
    return relay_module.merged(
        {"recording": {"enabled": True, "root": str(root), "segment": "1s",
                       "fsync_interval": "100ms", **recording}}, more or {})


def recorded(relay):
    """What the API says of it; nothing before it begins."""
    return relay.streams().get("live/cam", {}).get("recording")


def wait_recording(relay, condition, what):
    client.until(lambda: (found := recorded(relay)) and condition(found), what=what)


def end(relay):
    """Properly: everything is on disk."""
    relay.signal(signal.SIGTERM)
    code, _ = relay.wait_exit()
    assert code == 0


@pytest.mark.parametrize("container", ["ts", "mp4"])
@pytest.mark.parametrize("clip", ["reordered", "hevc", "audio"])
def test_what_is_published_over_http_is_in_the_files(start, media, tmp_path, container, clip):
    relay = start(config(tmp_path / "root"))
    published = media.in_container(clip, container)
    relay.publish(f"{STREAM}.{container}", published, speed=2).wait()
    end(relay)
    files = recording_files.files(tmp_path / "root")
    assert len(files) >= 3
    for path in files:
        recording_files.check_name(path, tmp_path / "root")
        assert recording_files.is_closed(path)
        tools.run("ffprobe", "-v", "error", "-show_streams", path)
        assert tools.decode(path)[1] == "", path
    watched = recording_files.read_media(files)
    kinds = ("audio",) if clip == "audio" else ("video", "audio")
    assert not compare.difference(compare.read(published.path), watched, exact=False, kinds=kinds)


def test_a_stream_that_is_not_to_be_recorded_is_not(start, media, tmp_path):
    rules = {"paths": {"raw/**": {"recording": {"enabled": False}}}}
    relay = start(config(tmp_path / "root", rules))
    clip = media.plain
    publishers = [relay.publish(f"/{path}.ts", clip, speed=4) for path in ("live/cam", "raw/cam")]
    relay.wait_stream("live/cam", lambda stream: "recording" in stream)
    relay.wait_stream("raw/cam", lambda stream: "recording" not in stream)
    for publisher in publishers:
        publisher.wait()
    end(relay)
    assert recording_files.files(tmp_path / "root")
    assert not recording_files.files(tmp_path / "root", "raw/cam")


def test_what_is_recorded_is_told(start, media, tmp_path):
    relay = start(config(tmp_path / "root"))
    assert relay.metric("spancast_recording_bytes_total") == 0
    publisher = relay.publish(f"{STREAM}.ts", media.plain)
    wait_recording(relay, lambda found: int(found.get("segments", 0)) >= 2, "two segments")
    found = recorded(relay)
    assert found["state"] == "recording" and int(found["bytes"]) > 0
    assert relay.metric("spancast_recording_streams", state="recording") == 1
    publisher.wait()
    client.until(lambda: "live/cam" not in relay.streams(), what="the end of the stream")
    files = recording_files.files(tmp_path / "root")
    client.until(lambda: relay.metric("spancast_recording_segments_total") == len(files),
                 what="all segments")
    assert relay.metric("spancast_recording_bytes_total") == sum(
        path.stat().st_size for path in files)
    assert relay.metric("spancast_recording_backlog_bytes") == 0
    assert relay.metric("spancast_recording_syncs_total") >= len(files)
    assert relay.metric("spancast_recording_errors_total") == 0


def check_all_recorded(root, camera, filming):
    """Every chunk the camera made is there, as it was made; returns how many times one is."""
    found = {}
    for path in recording_files.files(root):
        assert recording_files.is_closed(path), path
        for chunk in recording_files.chunks(path):
            assert chunk.epoch == camera.epoch
            assert chunk.payload == filming.added[chunk.sequence][1], chunk.sequence
            found[chunk.sequence] = found.get(chunk.sequence, 0) + 1
    assert sorted(found) == list(range(camera.next)), "some are missing"
    return max(found.values())


def test_every_chunk_of_a_camera_is_there_once_and_as_it_was(start, wire_clip, tmp_path, request):
    seconds = 60 if request.config.getoption("--long") else 6
    relay = start(config(tmp_path / "root"))
    chunks = round(seconds * wire_clip.frames / wire_clip.seconds)
    with wire_media.live(relay.http_port, wire_clip, speed=1, chunks=chunks) as (camera, filming):
        filming.wait(seconds + 30)
        camera.wait_acknowledged()
        # Without more chunks, soon.
        camera.wait(lambda: camera.durable == camera.next, "all of it durable")
    end(relay)
    assert check_all_recorded(tmp_path / "root", camera, filming) == 1


@pytest.mark.parametrize("fsync", ["never", "segment"])
def test_durable_is_what_the_policy_says(start, wire_clip, tmp_path, fsync):
    relay = start(config(tmp_path / "root", fsync=fsync))
    with wire_media.live(relay.http_port, wire_clip, speed=2) as (camera, filming):
        wait_recording(relay, lambda found: int(found.get("segments", 0)) >= 2, "two segments")
        camera.wait_acknowledged(camera.next + 5)
        first = recording_files.chunks(recording_files.files(tmp_path / "root")[0])
        if fsync == "never":
            assert not camera.durable
        else:
            camera.wait(lambda: camera.durable and camera.durable > len(first), "durable chunks")
        filming.stop()
        camera.wait_acknowledged()
    end(relay)
    assert check_all_recorded(tmp_path / "root", camera, filming) == 1


def test_the_camera_program_hears_what_is_durable(start, tmp_path):
    relay = start(config(tmp_path / "root", programs.CONFIG))
    with programs.camera(relay.http_port) as camera:
        camera.wait(lambda report: report["durable"] >= 60, "durable chunks")
        camera.interrupt()
        camera.end()
    end(relay)
    watched = recording_files.read_media(recording_files.files(tmp_path / "root"))
    assert watched.message == ""
    assert len(watched.video) >= 60


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_camera_goes_on_with_the_next_relay(start, wire_clip, tmp_path, how):
    """What the old one had not written comes again, from the last sync chunk that it had."""
    root = tmp_path / "root"
    relays = [start(config(root))]
    with wire_media.live(lambda: relays[-1].http_port, wire_clip, speed=1) as (camera, filming):
        for _ in range(2):
            camera.wait(lambda begun=camera.durable or 0: (camera.durable or 0) > begun + 30,
                        "durable chunks")
            relay = relays[-1]
            relay.expected_exit = -how if how == signal.SIGKILL else 0
            relay.signal(how)
            relay.wait_exit()
            durable = camera.durable
            relays.append(start(config(root)))
            camera.wait(lambda known=len(relays): camera.connections >= known, "a connection")
        camera.wait_acknowledged(camera.next + 30)
        filming.stop()
        camera.wait_acknowledged()
        assert camera.asked[-1] <= durable, "it asked for more than it had"
        assert camera.dropped == 0
    end(relays[-1])
    assert check_all_recorded(root, camera, filming) <= 3


def test_a_keep_that_is_too_short_is_one_gap_for_each_kill(start, wire_clip, tmp_path):
    root = tmp_path / "root"
    relays = [start(config(root))]
    with wire_media.live(lambda: relays[-1].http_port, wire_clip, speed=4,
                         keep_seconds=0.2, keep_bytes=20_000) as (camera, filming):
        camera.wait(lambda: (camera.durable or 0) > 30, "durable chunks")
        relays[-1].expected_exit = -signal.SIGKILL
        relays[-1].signal(signal.SIGKILL)
        relays[-1].wait_exit()
        durable = camera.durable
        client.until(lambda: camera.first > durable + 60, what="chunks that are kept no more")
        relays.append(start(config(root)))
        relays[-1].wait_log(r"recording goes on stream=live/cam gap=restart")
        wait_recording(relays[-1], lambda found: int(found.get("segments", 0)) > 0, "a segment")
        lost = relays[-1].metric("spancast_recording_gap_seconds_total", reason="restart")
        assert relays[-1].metric("spancast_recording_gaps_total") == 1
        filming.stop()
        camera.wait_acknowledged()
    end(relays[-1])
    chunks = [chunk for path in recording_files.files(root)
              for chunk in recording_files.chunks(path)]
    jumps = [(one, other) for one, other in zip(chunks, chunks[1:])
             if other.sequence > one.sequence + 1]
    assert len(jumps) == 1, [(one.sequence, other.sequence) for one, other in jumps]
    (before, after), = jumps
    assert before.sequence >= durable - 1 and after.sync
    assert abs((after.utc_us - before.utc_us) / 1e6 - lost) < 0.1


def test_a_camera_that_has_made_less_than_is_recorded_is_refused(start, wire_clip, tmp_path):
    """Else one number would name two contents."""
    root = tmp_path / "root"
    relay = start(config(root))
    with wire_media.live(relay.http_port, wire_clip, speed=8, chunks=60) as (camera, filming):
        filming.wait()
        camera.wait(lambda: camera.durable == 60, "all of it durable")
    end(relay)
    relay = start(config(root))
    with wire_media.live(relay.http_port, wire_clip, speed=8, epoch=camera.epoch,
                         chunks=30) as (other, filming):
        filming.wait()
        other.wait(lambda: other.byes, "a Bye")
        assert "BAD_SEQUENCE" in str(other.byes[0])
    files = recording_files.files(root)
    end(relay)
    assert recording_files.files(root) == files


@pytest.mark.threads
def test_a_publisher_that_is_handed_over_is_recorded(start, media, tmp_path):
    relay = start(config(tmp_path / "root", {"workers": 2}))
    clip = media.in_container("plain", "mp4")
    paths = [f"live/cam{number}" for number in range(6)]
    for publisher in [relay.publish(f"/{path}.mp4", clip, speed=2) for path in paths]:
        publisher.wait()
    end(relay)
    published = compare.read(clip.path)
    for path in paths:
        watched = recording_files.read_media(recording_files.files(tmp_path / "root", path))
        assert not compare.difference(published, watched, exact=True), path


def test_a_source_is_recorded(start, media, tmp_path):
    rules = {"paths": {"live/cam": {"exec": ["cat", str(media.plain.path)]}}}
    relay = start(config(tmp_path / "root", rules))
    relay.wait_log("source restarts stream=live/cam")
    end(relay)
    watched = recording_files.read_media(recording_files.files(tmp_path / "root"))
    assert watched.message == ""
    assert len(watched.video) >= 125


def test_a_stream_over_http_goes_on_with_the_next_relay(start, media, tmp_path):
    root = tmp_path / "root"
    clip = media.in_container("plain", "mp4")
    counts = []
    for _ in range(2):
        relay = start(config(root))
        relay.publish(f"{STREAM}.mp4", clip).wait()
        end(relay)
        counts.append(len(recording_files.files(root)))
    files = recording_files.files(root)
    first, second = files[:counts[0]], files[counts[0]:]
    assert first and second
    one, other = recording_files.read_media(first), recording_files.read_media(second)
    assert one.message == other.message == ""
    published = compare.read(clip.path)
    for reading in (one, other):
        assert not compare.difference(published, reading, exact=True)
    # One log: media time goes on, by the time that has passed.
    last, begun = recording_files.chunks(first[-1])[-1], recording_files.chunks(second[0])[0]
    passed = (begun.utc_us - last.utc_us) / 1e6
    moved = float(other.video[0].time - one.video[-1].time)
    assert abs(moved - passed) < 0.1, (moved, passed)
    assert last.epoch != begun.epoch
    relay.wait_log(r"recording goes on stream=live/cam gap=restart")


def test_a_full_disk_stops_a_recording_and_nothing_else(start, media, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    relay = start(config(root, {"publisher": {"grace": "5s"}}, keep={"free_bytes": 0}),
                  within=tools.on_small_disk(root, 1024))
    inside = f"/proc/{relay.process.pid}/root{root}"  # as the relay sees it
    clip = media.looped("long", media.plain, 6)
    viewer = relay.watch(f"{STREAM}.ts?wait=20&slow=catch_up")
    relay.wait_waiting(1)
    publisher = relay.publish(f"{STREAM}.ts", clip)
    wait_recording(relay, lambda found: found["state"] == "failed", "a full disk")
    assert "No space" in recorded(relay)["detail"] or "too large" in recorded(relay)["detail"]
    relay.wait_log(r"recording failed stream=live/cam")
    lines = len([line for line in relay.log if "recording failed" in line])
    assert lines == 1
    full = recording_files.files(inside)
    for path in full[:-1]:
        tools.run("ffprobe", "-v", "error", path)
    for path in full:
        os.remove(path)
    wait_recording(relay, lambda found: found["state"] == "recording", "room again")
    found = relay.wait_log(r"recording goes on stream=live/cam gap=failed seconds=([0-9.]+)")
    assert float(found[1]) > 1
    assert relay.metric("spancast_recording_gaps_total", reason="failed") == 1
    lost = relay.metric("spancast_recording_gap_seconds_total", reason="failed")
    assert abs(lost - float(found[1])) < 0.01
    assert len([line for line in relay.log if "recording failed" in line]) == lines
    publisher.close()
    client.until(lambda: "live/cam" not in relay.streams(), what="the end of the stream")
    viewer.wait_end()
    assert viewer.body == clip.watched_from_start[:len(viewer.body)]
    later = recording_files.files(inside)
    assert later
    for path in later:
        assert tools.decode(path)[1] == "", path

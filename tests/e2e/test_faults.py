"""Calls of the kernel that fail, take a part, or take their time."""

import errno
import time

import pytest

import client
import compare
import faults as faults_module
import media as media_module
import mp4
import mpegts
import relay as relay_module


@pytest.fixture
def suffer(start, tmp_path):
    """suffer({...}, short_permille=…) starts a relay with faults; returns both."""
    def begin(config=None, **numbers):
        faults = faults_module.Faults(tmp_path, **numbers)
        return start(config, faults.environment), faults
    return begin


def beginning(clip):
    """About its first second: up to the second keyframe or fragment."""
    data = clip.data
    if clip.path.suffix == ".mp4":
        moofs = [box.start for box in mp4.boxes(data) if box.kind == b"moof"]
        data = data[:moofs[1]]
    else:
        keys = [offset for offset, unit in mpegts.units(data, mpegts.video_pid(data))
                if mpegts.is_key_unit(unit)]
        data = data[:keys[1]]
    path = clip.path.with_name(f"beginning{clip.path.suffix}")
    path.write_bytes(data)
    return media_module.Clip(path, 1.0)


def check_exact(viewers, clip, folder):
    """Every viewer has every byte that was published, or in fMP4 every frame at its time."""
    for viewer in viewers:
        viewer.wait_end()
        assert viewer.complete
    if clip.path.suffix == ".ts":
        for viewer in viewers:
            assert bytes(viewer.body) == clip.watched_from_start
        return
    published = compare.read(clip.path)
    for number, body in enumerate({bytes(viewer.body) for viewer in viewers}):
        path = folder / f"watched{number}.mp4"
        path.write_bytes(body)
        mp4.Movie(body)
        assert compare.difference(published, compare.read(path), exact=True) == ""


# accept4: no descriptors, no memory.

@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_clients_wait_while_connections_cannot_be_accepted(suffer, media, code):
    relay, faults = suffer()
    viewer = relay.watch("/live/cam.ts?wait=20")
    publisher = relay.publish("/live/cam.ts", media.plain)
    viewer.wait_bytes(1000)
    faults.fail_accept(code)
    began = time.monotonic()
    late = [relay.watch("/live/cam.ts") for _ in range(5)]
    client.until(lambda: faults.accepts_failed >= 5, what="failures of accept4")
    assert time.monotonic() - began > 0.3, "it does nothing but try"
    relay.wait_log("cannot accept")
    viewer.wait_bytes(len(viewer.body) + 10_000)  # who is there does not notice
    assert all(one.response is None and not one.ended for one in late)
    faults.accept_failures = 0
    for one in late:
        assert one.wait_head().status == 200
    assert publisher.wait().status == 200
    assert bytes(viewer.wait_end().body) == media.plain.watched_from_start
    assert relay.metric("spancast_accept_failures_total") == 1
    assert len([line for line in relay.log if "cannot accept" in line]) == 1


def test_failures_of_accept_one_at_a_time(suffer):
    relay, faults = suffer({"workers": 2})
    for number in range(5):
        faults.fail_accept(times=1 + number % 3)
        assert relay.get("/healthz").status == 200
    assert faults.accepts_failed >= 5


# Writes that take a part, or nothing; reads that return one byte.

@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("extension", ["ts", "mp4"])
@pytest.mark.parametrize("seed", [1, 2])
def test_short_writes(suffer, media, tmp_path, extension, workers, seed):
    relay, faults = suffer({"workers": workers}, short_permille=300, again_permille=300, seed=seed)
    clip = media.in_container("plain", extension)
    viewers = [relay.watch(f"/live/cam.{extension}?wait=20&slow=catch_up")
               for _ in range(4 * workers)]
    assert relay.publish(f"/live/cam.{extension}", clip, speed=2).wait().status == 200
    check_exact(viewers, clip, tmp_path)
    # The later the relay is, the larger and fewer its writes.
    assert faults.writes_cut > 30 and faults.writes_refused > 30
    assert relay.metric("spancast_short_writes_total") > 30
    assert relay.metric("spancast_viewer_skips_total") == 0


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("extension", ["ts", "mp4"])
def test_reads_of_one_byte(suffer, media, tmp_path, extension, workers):
    relay, faults = suffer({"workers": workers}, read_bytes_max=1)
    clip = beginning(media.in_container("plain", extension))
    viewers = [relay.watch(f"/live/cam.{extension}?wait=60&slow=catch_up")
               for _ in range(2 * workers)]
    response = relay.publish(f"/live/cam.{extension}", clip).wait(120)
    assert response.status == 200 and int(response.json()["bytes"]) == len(clip.data)
    check_exact(viewers, clip, tmp_path)
    assert faults.reads_cut > len(clip.data)


@pytest.mark.parametrize("extension", ["ts", "mp4"])
def test_everything_in_pieces(suffer, media, tmp_path, extension):
    relay, faults = suffer({"workers": 2}, read_bytes_max=100, short_permille=400,
                           again_permille=400, seed=3)
    clip = media.in_container("plain", extension)
    viewers = [relay.watch(f"/live/cam.{extension}?wait=60&slow=catch_up") for _ in range(6)]
    assert relay.publish(f"/live/cam.{extension}", clip, speed=2).wait(120).status == 200
    check_exact(viewers, clip, tmp_path)
    assert faults.writes_cut > 100 and faults.reads_cut > 1000


# The arena.

@pytest.mark.parametrize("step", faults_module.ARENA_STEPS)
def test_an_arena_that_cannot_be_had_is_an_error_that_says_what_to_do(tmp_path, step):
    faults = faults_module.Faults(tmp_path, arena_step=faults_module.ARENA_STEPS[step])
    config = {"http": {"port": 0}, "admin": {"port": 0}, "memory": {"arena": "48MiB"}}
    done = relay_module.run_once("--config", relay_module.write_config(tmp_path, config),
                                 environment=faults.environment)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    for part in ("memory.arena (48MiB) cannot be had", "make it smaller", "more memory", step,
                 "Cannot allocate memory"):
        assert part in done.stderr


# A worker that stands still.

def started_on_each_worker(relay, clip, **arguments):
    """A publisher at home on each of two workers: worker → (target, publisher)."""
    found = {}
    for number in range(64):  # the kernel chooses the worker
        target = f"/live/{number}.ts"
        publisher = relay.publish(target, clip, **arguments)
        worker = int(relay.wait_log(rf"publisher started stream=live/{number} .*worker=(\d)")[1])
        if worker not in found:
            found[worker] = target, publisher
        else:
            publisher.close()
        if len(found) == 2:
            return found
    raise AssertionError("64 connections went to one worker")


STALLED = 1  # not worker 0, which has the admin address


def stall(faults):
    faults.stall_worker = STALLED + 1
    client.until(lambda: faults.worker_stalls > 0, what="a worker that stands still")


def test_a_worker_that_stands_still_is_not_noticed_on_the_other(suffer, media):
    relay, faults = suffer({"workers": 2, "viewer": {"max_lag": "15s"}})
    streams = started_on_each_worker(relay, media.plain)
    viewers = {worker: [relay.watch(f"{target}?wait=20") for _ in range(12)]
               for worker, (target, _) in streams.items()}
    for one in [*viewers[0], *viewers[1]]:
        one.wait_bytes(1000)
    stall(faults)
    began = time.monotonic()
    before = {one: len(one.body) for one in viewers[0]}
    # The stream at home on the other worker plays to its end for the viewers there.
    assert streams[0][1].wait().status == 200
    client.until(lambda: sum(one.ended for one in viewers[0]) > 0, what="an end")
    unaffected = [one for one in viewers[0] if len(one.body) > before[one] + 50_000]
    stalled = [one for one in viewers[0] if one not in unaffected]
    assert unaffected and stalled, "all viewers on one worker"
    print(f"stalled for {time.monotonic() - began:.1f} s, {len(stalled)} of 12 viewers with it")
    faults.stall_worker = 0
    assert streams[1][1].wait().status == 200
    for worker in viewers:
        for one in viewers[worker]:
            one.wait_end()
            assert one.complete
            (_, end, _), = mpegts.runs(bytes(one.body), media.plain.data)
            assert end == len(media.plain.data), "something is missing"
    assert relay.metric("spancast_viewer_skips_total") == 0


def test_a_replica_that_was_left_behind_is_seeded_anew(suffer, media):
    relay, faults = suffer({"workers": 2, "stream": {"tail": "200ms"},
                            "viewer": {"max_lag": "200ms"}})
    streams = started_on_each_worker(relay, media.plain)
    target, publisher = streams[0]
    viewers = [relay.watch(f"{target}?wait=20") for _ in range(16)]
    for one in viewers:
        one.wait_bytes(1000)
    stall(faults)
    before = [len(one.body) for one in viewers]
    sent = publisher.sent
    client.until(lambda: publisher.sent > sent + len(media.plain.data) // 2, what="half a clip")
    stalled = [one for one, size in zip(viewers, before) if len(one.body) < size + 50_000]
    assert 0 < len(stalled) < len(viewers), "all viewers on one worker"
    faults.stall_worker = 0
    assert publisher.wait().status == 200
    for one in viewers:
        one.wait_end()
        assert one.complete
        stretches = mpegts.runs(bytes(one.body), media.plain.data)
        assert len(stretches) == (2 if one in stalled else 1)
        for begin, _, _ in stretches[1:]:
            tables = media.plain.watched_from_start[:376]
            assert mpegts.first_video_is_key(tables + media.plain.data[begin:])
    assert relay.metric("spancast_viewer_skips_total", reason="replica") == len(stalled)

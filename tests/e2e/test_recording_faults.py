"""Recordings and what goes wrong: kills, power cuts, and disks that fail, are full or stand still.

Every chunk that a camera makes carries its own number and bytes: whatever comes back is compared with
what was made.
"""

import errno
import os
import random
import re
import shutil
import signal

import pytest

import client
import disk_faults
import recorded
import recording_files
import wire_client
import wire_media

STREAM = "/live/cam"
SEED = int(os.environ.get("DISK_SEED", "7"))


def rounds(request, brief, long):
    return long if request.config.getoption("--long") else brief


def kill(relay):
    relay.expected_exit = -signal.SIGKILL
    relay.signal(signal.SIGKILL)
    relay.wait_exit()


def new_root(tmp_path):
    root = tmp_path / "recordings"
    root.mkdir()
    return root


def leave(root, faults, mode, rng, folder):
    """Makes of the folder of a relay that was killed what the disk would have of it."""
    if mode == "killed":
        return
    durable = faults.survivors(folder, torn=None if mode == "cut" else rng)
    disk_faults.wipe(root)
    shutil.copytree(durable, root, dirs_exist_ok=True)
    shutil.rmtree(durable)


class Round:
    """One relay with a camera of its own that both die; what the camera was promised."""

    def __init__(self, start, root, config, wire_clip, folder, rng):
        self.faults = disk_faults.DiskFaults(folder, root, journal=True)
        self.relay = start(config, self.faults.environment)
        with wire_media.live(self.relay.http_port, wire_clip, speed=2) as (camera, filming):
            camera.wait(lambda: camera.durable and camera.durable > 5, "a durable chunk")
            camera.wait_acknowledged(camera.durable + rng.randint(1, 120))
            kill(self.relay)
            filming.stop()
        self.epoch, self.durable, self.made = camera.epoch, camera.durable, camera.next
        self.filming = filming

    def check(self, numbers):
        """What is there of it: from the first on, without a hole, all that was durable."""
        assert numbers == list(range(len(numbers))), f"{len(numbers)} chunks with holes"
        assert self.durable <= len(numbers) <= self.made, (
            f"{len(numbers)} chunks, {self.durable} were durable, {self.made} made")


def check_files(root, gone):
    """What is in the files, without asking the relay."""
    found = {one.epoch: set() for one in gone}
    filmed = {one.epoch: one.filming.added for one in gone}
    for path in recording_files.files(root):
        assert recording_files.is_closed(path), path
        for chunk in recording_files.chunks(path):
            assert chunk.payload == filmed[chunk.epoch][chunk.sequence][1], f"{chunk.sequence}"
            found[chunk.epoch].add(chunk.sequence)
    for one in gone:
        one.check(sorted(found[one.epoch]))
    recorded.check_probe(recording_files.files(root))


@pytest.mark.parametrize("mode", ["killed", "cut", "torn"])
def test_what_was_durable_is_there_and_nothing_that_is_damaged(start, wire_clip, tmp_path, request,
                                                               mode):
    """Relay and camera die again and again; each time with another camera."""
    root, rng = new_root(tmp_path), random.Random(f"{SEED} {mode}")
    config = recorded.config(root)
    gone = []
    for number in range(rounds(request, 3, 50)):
        gone.append(Round(start, root, config, wire_clip, tmp_path / f"faults{number}", rng))
        leave(root, gone[-1].faults, mode, rng, tmp_path / "left")
    relay = start(config)
    recorded.wait_recovered(root)
    relay.stop()
    check_files(root, gone)
    done = recorded.run("verify", root)
    assert done.returncode == 0, done.stdout + done.stderr


# Disks that fail, stand still or are full, under a live stream.

class Live:
    """A camera that films for a relay that records, and a live viewer who must not notice."""

    def __init__(self, relay, root, wire_clip, **arguments):
        self.relay, self.root = relay, root
        self.context = wire_media.live(relay.http_port, wire_clip, speed=1, **arguments)
        self.player = wire_client.Player(relay.http_port, STREAM, start={"live": True})

    def __enter__(self):
        self.camera, self.filming = self.context.__enter__()
        self.relay.wait_stream("live/cam", lambda stream: stream.get("live"))
        self.player.start()
        self.player.wait_chunks(1)
        return self

    def __exit__(self, *failure):
        self.player.close()
        return self.context.__exit__(*failure)

    def wait_state(self, state, timeout=client.TIMEOUT):
        return self.relay.wait_stream(
            "live/cam", lambda stream: stream.get("recording", {}).get("state") == state, timeout)

    def film_on(self, chunks):
        """Until so many more chunks have reached the viewer."""
        self.player.wait_position(self.player.chunks[-1].sequence + chunks)

    def check_live(self):
        """The viewer got every chunk, and the relay's turns were never as long as a disk's."""
        self.film_on(1)
        self.player.check_once(self.player.chunks[0].sequence,
                               self.player.chunks[-1].sequence + 1)
        self.filming.check_payload(self.player.chunks)
        page = self.relay.admin("/metrics").body.decode()
        all_turns, short_turns = (
            float(re.search(rf"^spancast_loop_lag_seconds_bucket\{{.*{edge}.*\}} (\S+)$", page, re.M)[1])
            for edge in (r"\+Inf", r'"2\.097'))
        assert all_turns == short_turns > 0

    def finish(self, reason=None, gaps=0):
        """The camera stops; what is in the files then, and that it is what the relay says of it.
        `gaps`: so many with this reason. Numbers of the chunks that are there."""
        self.filming.stop()
        self.camera.wait_acknowledged()
        client.until(lambda: self.relay.metric("spancast_recording_backlog_bytes") == 0,
                     what="an empty backlog")
        seconds = self.relay.metric("spancast_recording_gap_seconds_total")
        assert self.relay.metric("spancast_recording_gaps_total") == gaps
        if gaps:
            assert self.relay.metric("spancast_recording_gaps_total", reason=reason) == gaps
        self.relay.stop()
        numbers = [chunk.sequence for chunk in self.chunks()]
        assert numbers == sorted(set(numbers)), "not in order, or twice"
        holes = [(one, two) for one, two in zip(numbers, numbers[1:]) if two != one + 1]
        assert len(holes) == gaps
        assert sum(two - one - 1 for one, two in holes) == self.camera.next - len(numbers)
        # A chunk is a frame of the clip; where that begins anew the last one is longer.
        utcs = self.filming.utcs
        missing = sum((utcs[two] - utcs[one]) / 1e6 - 0.04 for one, two in holes)
        assert abs(seconds - missing) <= 0.1 * gaps, (seconds, missing)
        self.numbers = numbers
        return numbers

    def chunks(self):
        """Of all files; one whose disk failed may have no index."""
        files = recording_files.files(self.root)
        for path in files:
            for chunk in recording_files.chunks(path):
                assert chunk.payload == self.filming.added[chunk.sequence][1], chunk.sequence
                yield chunk
        recorded.check_probe([path for path in files if recording_files.is_closed(path)])


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EROFS])
def test_a_failing_disk_is_a_gap_and_live_does_not_notice(start, wire_clip, tmp_path, code):
    root = new_root(tmp_path)
    faults = disk_faults.DiskFaults(tmp_path / "faults", root)
    relay = start(recorded.config(root), faults.environment)
    with Live(relay, root, wire_clip) as live:
        live.wait_state("recording")
        live.film_on(50)
        faults.fail(code)
        failed = live.wait_state("failed")["recording"]
        assert os.strerror(code) in failed["detail"]
        live.film_on(50)
        faults.go_on()
        live.wait_state("recording")
        live.film_on(50)
        live.check_live()
        assert relay.metric("spancast_recording_errors_total") > 0
        live.finish("failed", 1)
    assert len([line for line in relay.log if "recording failed" in line]) == 1


@pytest.mark.parametrize("kind", ["sync", "change"])
def test_one_kind_of_call_that_fails(start, wire_clip, tmp_path, kind):
    """What cannot be made durable, or has no file, is not recorded either."""
    root = new_root(tmp_path)
    faults = disk_faults.DiskFaults(tmp_path / "faults", root)
    relay = start(recorded.config(root), faults.environment)
    with Live(relay, root, wire_clip) as live:
        live.wait_state("recording")
        live.film_on(50)
        faults.fail(errno.EIO, kind)
        live.wait_state("failed")
        live.film_on(25)  # what was told to be durable before has arrived
        durable = live.camera.durable
        live.film_on(25)
        assert live.camera.durable == durable, "durable without a disk"
        faults.go_on()
        live.wait_state("recording")
        live.film_on(50)
        live.check_live()
        numbers = live.finish("failed", 1)
        assert set(numbers) >= set(range(durable)), "something durable is gone"


@pytest.mark.parametrize("kinds", [("sync",), ("write", "sync", "change"), ("change",)])
def test_what_is_told_to_be_durable_is_although_the_disk_fails(start, wire_clip, tmp_path, kinds):
    """The power fails while the disk does."""
    root, rng = new_root(tmp_path), random.Random(SEED)
    faults = disk_faults.DiskFaults(tmp_path / "faults", root, journal=True)
    relay = start(recorded.config(root), faults.environment)
    with Live(relay, root, wire_clip) as live:
        live.camera.wait(lambda: live.camera.durable and live.camera.durable > 30, "durable chunks")
        faults.fail(errno.EIO, *kinds)
        live.wait_state("failed")
        live.film_on(50)
        kill(relay)
        live.filming.stop()
    leave(root, faults, "cut", rng, tmp_path / "left")
    relay = start(recorded.config(root))
    recorded.wait_recovered(root)
    relay.stop()
    numbers = {chunk.sequence for chunk in live.chunks()}
    assert numbers >= set(range(live.camera.durable)), f"{len(numbers)} of {live.camera.durable}"


def test_short_writes_are_whole_in_the_end(start, wire_clip, tmp_path):
    root = new_root(tmp_path)
    faults = disk_faults.DiskFaults(tmp_path / "faults", root, only_segments=1, short_permille=700,
                                    seed=SEED)
    relay = start(recorded.config(root), faults.environment)
    with Live(relay, root, wire_clip) as live:
        live.film_on(150)
        live.check_live()
        assert live.finish() == list(range(live.camera.next))
    assert faults.write_failed == 0 and faults.write_count > 10


@pytest.mark.parametrize("kinds", [("write",), ("sync",), ("write", "sync", "change", "read")])
def test_a_disk_that_stands_still_is_caught_up_with(start, wire_clip, tmp_path, kinds):
    root = new_root(tmp_path)
    faults = disk_faults.DiskFaults(tmp_path / "faults", root)
    relay = start(recorded.config(root), faults.environment)
    with Live(relay, root, wire_clip) as live:
        live.wait_state("recording")
        live.film_on(25)
        faults.stand_still(*kinds)
        live.film_on(125)  # five seconds
        faults.go_on()
        live.film_on(25)
        live.check_live()
        assert live.finish() == list(range(live.camera.next))


def test_a_disk_that_is_too_slow_is_a_gap(start, wire_clip, tmp_path):
    """With a small backlog: what waits is written, then the recording goes on."""
    root = new_root(tmp_path)
    faults = disk_faults.DiskFaults(tmp_path / "faults", root)
    relay = start(recorded.config(root, backlog="100KiB"), faults.environment)
    with Live(relay, root, wire_clip) as live:
        live.wait_state("recording")
        live.film_on(25)
        faults.stand_still("write")
        live.wait_state("lagging")
        live.film_on(75)
        faults.go_on()
        live.wait_state("recording")
        live.film_on(50)
        live.check_live()
        live.finish("backlog", 1)

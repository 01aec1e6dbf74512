"""The store behind `state.path` and what disks and people do to it: live viewers never notice."""

import contextlib
import errno
import json
import os
import shutil
import signal
import sqlite3

import pytest

import client
import disk_faults
import relay as relay_module
import tools
import wire_client
import wire_media

STREAM = "/live/cam"
NAME = "live/cam"
IN_MEMORY = "state is kept in memory only"
WRITTEN = "state is written"


def config(folder):
    return {"state": {"path": str(folder), "commit_interval": "50ms"},
            "publisher": {"grace": "20s", "idle": "2s"}, "stream": {"tail": "20s"}}


def dump(folder):
    """Name → record of the streams that another process would find."""
    done = relay_module.run_once("state", "dump", "--path", folder)
    assert done.returncode == 0, done.stderr
    return {one["name"]: one["record"] for one in json.loads(done.stdout)["records"]
            if one["kind"] == "stream"}


def wait_written(folder, sequence):
    """Until the store has the stream up to there."""
    def is_there():
        record = dump(folder).get(NAME)
        return record and int(record["next_sequence"]) >= sequence
    client.until(is_there, what=f"chunk {sequence} in {folder}")


class Live:
    """A camera, and a viewer who must not notice."""

    def __init__(self, relay, clip):
        self.relay = relay
        self.stack = contextlib.ExitStack()
        self.context = wire_media.live(relay.http_port, clip, STREAM, speed=1)

    def __enter__(self):
        self.camera, self.filming = self.stack.enter_context(self.context)
        self.relay.wait_stream(NAME, lambda stream: stream["live"])
        self.player = self.stack.enter_context(wire_client.Player(self.relay.http_port, STREAM))
        self.player.wait_chunks(10)
        return self

    def __exit__(self, *failure):
        return self.stack.__exit__(*failure)

    def film_on(self, chunks=25):
        self.player.wait_position(self.player.chunks[-1].sequence + chunks)

    def check(self):
        """Every chunk came, once, and over one connection."""
        self.film_on()
        self.player.check_once(self.player.chunks[0].sequence, self.player.chunks[-1].sequence + 1)
        self.filming.check_payload(self.player.chunks)
        assert self.player.connections == self.camera.connections == 1


def check_recovered(live, folder):
    """What was kept in memory meanwhile is written."""
    live.relay.wait_log(WRITTEN)
    live.check()
    wait_written(folder, live.player.chunks[-1].sequence)
    assert len([line for line in live.relay.log if IN_MEMORY in line]) == 1


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "state"
    made.mkdir()
    return made


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EROFS])
def test_a_disk_that_cannot_be_written(start, wire_clip, folder, tmp_path, code):
    failing = disk_faults.DiskFaults(tmp_path / "faults", folder)
    relay = start(config(folder), failing.environment)
    with Live(relay, wire_clip) as live:
        failing.fail(code)
        relay.wait_log(IN_MEMORY)
        live.check()
        failing.go_on()
        check_recovered(live, folder)


def test_a_disk_that_stands_still(start, wire_clip, folder, tmp_path):
    failing = disk_faults.DiskFaults(tmp_path / "faults", folder)
    relay = start(config(folder), failing.environment)
    with Live(relay, wire_clip) as live:
        failing.stand_still()
        relay.wait_log(f"{IN_MEMORY}.*does not answer")
        live.check()
        failing.go_on()
        check_recovered(live, folder)


def test_a_disk_without_room(start, wire_clip, folder):
    """Real, and so small that there is no room for a database."""
    relay = start(config(folder), within=tools.on_small_disk(folder, 8))
    relay.wait_log(IN_MEMORY)
    with Live(relay, wire_clip) as live:
        live.check()


def test_a_folder_that_is_removed(start, wire_clip, folder):
    relay = start(config(folder))
    with Live(relay, wire_clip) as live:
        wait_written(folder, 1)
        shutil.rmtree(folder)
        relay.wait_log(f"{WRITTEN}.*everything=yes")
        live.check()
        wait_written(folder, live.player.chunks[-1].sequence)


def test_a_database_that_somebody_locked(start, wire_clip, folder):
    relay = start(config(folder))
    with Live(relay, wire_clip) as live:
        wait_written(folder, 1)
        with contextlib.closing(sqlite3.connect(folder / "state.sqlite", isolation_level=None)) as other:
            client.until(lambda: try_lock(other), what="the lock")
            relay.wait_log(IN_MEMORY)
            live.check()
            other.execute("ROLLBACK")
        check_recovered(live, folder)


def try_lock(database):
    try:
        database.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    return True


@pytest.mark.parametrize("when", ["stopped", "running"])
def test_a_database_that_is_damaged_is_set_aside(start, wire_clip, folder, when):
    relay = start(config(folder))
    with Live(relay, wire_clip) as live:
        wait_written(folder, 1)
        if when == "running":
            garble(folder / "state.sqlite")
            # Pages in the cache do not show it before they are read again.
            relay.expected_exit = -signal.SIGKILL
            live.check()
    relay.signal(signal.SIGTERM if when == "stopped" else signal.SIGKILL)
    relay.wait_exit()
    garble(folder / "state.sqlite")
    (folder / "state.sqlite-wal").unlink(missing_ok=True)
    second = start(config(folder))
    second.wait_log("the database of state was damaged")
    assert [one for one in os.listdir(folder) if one.startswith("state.sqlite.damaged-")]
    with Live(second, wire_clip) as live:
        wait_written(folder, 1)
        live.check()


def garble(path):
    with path.open("r+b") as file:
        file.write(bytes(range(1, 101)) * 40)


def test_a_second_relay_in_the_folder_does_not_start(start, folder):
    first = start(config(folder))
    path = relay_module.write_config(folder.parent, {**relay_module.DEFAULTS, **config(folder)})
    done = relay_module.run_once("--config", path)
    assert done.returncode == 1
    assert str(folder) in done.stderr and str(first.process.pid) in done.stderr, done.stderr


def test_what_was_exported_is_there_after_an_import(start, wire_clip, folder, tmp_path):
    relay = start(config(folder))
    with Live(relay, wire_clip):
        wait_written(folder, 1)
    relay.signal(signal.SIGTERM)
    relay.wait_exit()
    before = dump(folder)
    exported, other = tmp_path / "state.export", tmp_path / "other"
    assert relay_module.run_once("state", "export", "--path", folder, exported).returncode == 0
    assert exported.stat().st_mode & 0o777 == 0o600
    assert relay_module.run_once("state", "import", "--path", other, exported).returncode == 0
    assert dump(other) == before != {}
    assert relay_module.run_once("state", "check", "--path", other).returncode == 0

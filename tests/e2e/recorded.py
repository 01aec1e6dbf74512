"""What a relay has recorded, as its commands, players and the API tell it."""

import contextlib
import dataclasses
import json
import sqlite3
import subprocess

import client
import recording_files
import relay as relay_module
import wire_client

OLDEST = {"at_utc_us": 1}


def config(root, more=None, **settings):
    """Short segments that are soon durable, and a tail that is over soon."""
    return relay_module.merged(
        {"recording": {"enabled": True, "root": str(root), "segment": "1s", "fsync": "interval",
                       "fsync_interval": "100ms", **settings},
         "publisher": {"grace": "20s", "idle": "2s"}, "stream": {"tail": "2s"},
         "viewer": {"slow": "catch_up"}}, more or {})


def run(command, root, *arguments, timeout=60):
    """`spancast recordings COMMAND`: what it said, and its exit code."""
    return relay_module.run_once("recordings", command, "--root", root, *arguments,
                                 timeout=timeout)


def wait_recovered(root):
    """Until a relay that was started there, and records nothing, has closed what another one left
    open: files, and what the catalog has of them."""
    def is_done():
        if not all(map(recording_files.is_closed, recording_files.files(root))):
            return False
        with contextlib.closing(sqlite3.connect(f"{root}/catalog.sqlite", timeout=30)) as base:
            return not base.execute("SELECT 1 FROM segments WHERE open = 1").fetchone()
    client.until(is_done, what="recovery")


def check_probe(paths):
    """ffprobe reads every packet of each file and has nothing to say; how many there are."""
    packets = 0
    for path in paths:
        done = subprocess.run(
            ["ffprobe", "-v", "warning", "-count_packets", "-show_entries", "stream=nb_read_packets",
             "-of", "json", str(path)], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0 and not done.stderr, f"{path.name}: {done.stderr}"
        packets += sum(int(one["nb_read_packets"]) for one in json.loads(done.stdout)["streams"])
    return packets


@dataclasses.dataclass(frozen=True)
class Gap:
    seconds: float
    reason: str


def timeline(relay, path="/live/cam"):
    """(spans, gaps) as the relay tells them."""
    answer = relay.get(f"{path}/timeline.json")
    assert answer.status == 200, (answer.status, answer.body)
    found = answer.json()
    return found["spans"], [Gap(float(gap["seconds"]), gap["reason"]) for gap in found["gaps"]]


def play_all(relay, last, path="/live/cam", **arguments):
    """A player that has watched from the beginning up to that position."""
    with wire_client.Player(relay.http_port, path, start=OLDEST, **arguments) as player:
        player.wait(lambda: player.cursor and player.cursor[0] == last[0]
                    and player.cursor[1] > last[1], f"chunk {last}", 120)
    return player


def by_epoch(chunks):
    """epoch → its chunks, in the order in which they came."""
    found = {}
    for one in chunks:
        found.setdefault(one.epoch, []).append(one)
    return found

"""`spancast recordings`: what a folder holds, without a relay and beside one."""

import datetime
import json
import os
import pty
import re
import signal
import subprocess

import client
import mp4
import pytest
import recording_files
import relay as relay_module

STREAM = "/live/cam"


def config(root, **recording):
    return {"recording": {"enabled": True, "root": str(root), "segment": "1s", **recording}}


def command(*arguments, **options):
    return relay_module.run_once("recordings", *arguments, **options)


def listed(root):
    found = command("list", "--json", "--root", root)
    assert found.returncode == 0, found.stderr
    return {one["stream"]: one for one in json.loads(found.stdout)["recordings"]}


def end(relay):
    relay.signal(signal.SIGTERM)
    assert relay.wait_exit()[0] == 0


@pytest.fixture(name="root")
def fixture_root(start, media, tmp_path):
    """What a relay recorded that is not there any more."""
    root = tmp_path / "root"
    relay = start(config(root))
    relay.publish(f"{STREAM}.ts", media.plain, speed=4).wait()
    relay.publish("/other.mp4", media.in_container("plain", "mp4"), speed=4).wait()
    end(relay)
    return root


def places(path):
    """Where the records of a closed file are: begin and end of each."""
    boxes = list(mp4.boxes(path.read_bytes()))[3:]  # behind ftyp, moov and the head
    starts = [box.start for box in boxes if box.kind == b"uuid"]  # the last is the index's
    return list(zip(starts, starts[1:]))


def spoil(path, chunk):
    """Changes the last byte of a chunk; returns where the chunk begins in the file."""
    begin, end_ = places(path)[chunk]
    data = bytearray(path.read_bytes())
    data[end_ - 1] ^= 0x40
    path.write_bytes(data)
    return begin


def test_a_list_has_what_each_stream_recorded(root, tmp_path, media):
    streams = listed(root)
    assert sorted(streams) == ["live/cam", "other"]
    one = streams["live/cam"]
    files = recording_files.files(root)
    assert one["segments"] == len(files)
    assert one["bytes"] == sum(path.stat().st_size for path in files)
    assert one["gaps"] == 0 and not one["open"]
    # Of an MPEG-TS, frames leave with the chunk in which all tracks are known.
    assert media.plain.seconds - 0.5 < one["seconds"] < media.plain.seconds + 0.2
    assert streams["other"]["seconds"] == pytest.approx(media.plain.seconds, abs=0.1)
    begin, end_ = (datetime.datetime.fromisoformat(one[name]) for name in ("from", "to"))
    assert (end_ - begin).total_seconds() == pytest.approx(one["seconds"], abs=0.01)

    file = relay_module.write_config(tmp_path, config(root))
    for arguments in (["list", "--config", file], ["--config", file, "list"],
                      ["list", "--root", root]):
        table = command(*arguments)
        assert table.returncode == 0 and table.stderr == ""
        head, *rows = table.stdout.splitlines()
        assert head.split() == ["stream", "from", "to", "length", "segments", "size", "gaps"]
        assert [row.split()[0] for row in rows] == ["live/cam", "other"]


def test_what_is_as_it_was_written_is_verified(root):
    found = command("verify", "--root", root)
    assert found.returncode == 0 and found.stderr == ""
    *streams, last = found.stdout.splitlines()
    assert re.match(r"live/cam: \d+ segments, .* 0 damaged chunks$", streams[0])
    assert last.endswith("everything is as it was written")


def test_every_damaged_chunk_is_told_of(root):
    files = recording_files.files(root)
    before = {path: recording_files.chunks(path) for path in files}
    expected = set()
    for path, index in ((files[0], 3), (files[0], 0), (files[-1], 1)):
        chunk = before[path][index]
        utc = datetime.datetime.fromtimestamp(chunk.utc_us // 1000 / 1000, datetime.timezone.utc)
        expected.add((str(path), spoil(path, index), chunk.sequence, f"{chunk.epoch:016x}",
                      utc.strftime("%Y-%m-%dT%H:%M:%S.") + f"{chunk.utc_us // 1000 % 1000:03d}Z"))
    found = command("verify", "--root", root)
    assert found.returncode == 1
    line = re.compile(r"(\S+): offset (\d+), \d+ bytes, chunk (\d+) of epoch (\w+), (\S+): "
                      r"the bytes are not those that were written")
    told = {(path, int(offset), int(sequence), epoch, utc) for path, offset, sequence, epoch, utc
            in line.findall(found.stdout)}
    assert told == expected
    assert "3 damaged chunks in 2 files" in found.stdout.splitlines()[-1]


def test_a_terminal_has_a_bar(root):
    ours, theirs = pty.openpty()
    found = subprocess.run([str(relay_module.BINARY), "recordings", "verify", "--root", str(root)],
                           stdout=subprocess.PIPE, stderr=theirs, check=False, timeout=30,
                           env=relay_module.clean_environment())
    os.close(theirs)
    assert found.returncode == 0
    assert b"100 %" in os.read(ours, 65536)
    os.close(ours)
    assert b"%" not in found.stdout


def test_a_catalog_is_made_anew_from_the_files(root):
    before = listed(root)
    recording_files.files(root)[0].unlink()
    # What a crash would have left of the last one.
    last = recording_files.files(root)[-1]
    chunks = len(places(last)) - 1
    with last.open("r+b") as file:
        file.truncate(places(last)[-1][1] - 10)
    for path in root.glob("catalog.sqlite*"):
        path.unlink()
    missing = command("list", "--root", root)
    assert missing.returncode == 1 and "`spancast recordings reindex` makes one" in missing.stderr
    made = command("reindex", "--root", root)
    assert made.returncode == 0, made.stderr
    assert recording_files.is_closed(last)
    assert len(recording_files.chunks(last)) == chunks
    after = listed(root)
    assert after["other"] == before["other"]
    assert after["live/cam"]["segments"] == before["live/cam"]["segments"] - 1
    assert command("verify", "--root", root).returncode == 0


def test_beside_a_relay_it_lists_and_verifies_and_makes_nothing_anew(start, media, tmp_path):
    root = tmp_path / "root"
    relay = start(config(root))
    publisher = relay.publish(f"{STREAM}.ts", media.plain)
    client.until(lambda: root.is_dir() and len(recording_files.files(root)) >= 3, what="segments")
    client.until(lambda: listed(root).get("live/cam", {}).get("segments", 0) >= 3,
                 what="the catalog to have them")
    assert listed(root)["live/cam"]["open"]
    verified = command("verify", "--root", root)
    assert verified.returncode == 0, verified.stdout
    assert "1 segments not closed" in verified.stdout
    refused = command("reindex", "--root", root)
    assert refused.returncode == 1
    assert refused.stderr == (
        f"spancast: {root} is used by another relay (pid {relay.process.pid})\n")
    publisher.wait()
    end(relay)
    assert command("reindex", "--root", root).returncode == 0


@pytest.mark.parametrize("arguments, message", [
    (["list"], "recording.root is not set: give --config FILE or --root FOLDER"),
    (["verify", "--root", "/nowhere"], "there is no folder /nowhere"),
    (["reindex", "--config", "/nowhere.yaml"], "/nowhere.yaml"),
])
def test_what_cannot_be_done_is_a_sentence(arguments, message):
    found = command(*arguments)
    assert found.returncode == 1 and found.stdout == ""
    assert found.stderr.startswith("spancast: ") and message in found.stderr


def test_the_root_may_be_a_variable_of_the_environment(root):
    found = command("list", environment={"SPANCAST_RECORDING_ROOT": str(root)})
    assert found.returncode == 0 and "live/cam" in found.stdout


def test_a_second_relay_for_the_same_folder_does_not_start(start, tmp_path):
    relay = start(config(tmp_path / "root"))
    second = tmp_path / "second"
    second.mkdir()
    file = relay_module.write_config(
        second, relay_module.merged(relay_module.DEFAULTS, config(tmp_path / "root")))
    found = relay_module.run_once("--config", file)
    assert found.returncode == 1
    assert (f"{tmp_path / 'root'} is used by another relay (pid {relay.process.pid})"
            in found.stderr)

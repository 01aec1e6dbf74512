"""This version of the relay and the next one, in turns, on one state: whatever runs goes on as if nothing
had happened, and what only the next one knows is still there when it comes back.

The next one is real: spancast_newer, built from the same sources with one more field in each record and
the next schema_version (tests/newer).
"""

import contextlib
import json
import signal

import pytest

import client
import relay as relay_module
import wire_client
import wire_media

THIS = relay_module.BINARY
NEXT = THIS.parent / "spancast_newer"
STREAM, NAME = "/live/cam", "live/cam"
WRITTEN, MIGRATED = "written by the next version", "migrated"
PLAYERS = 5


def config(folder):
    return {"state": {"path": str(folder), "commit_interval": "50ms"},
            "publisher": {"grace": "20s", "idle": "2s"}, "stream": {"tail": "20s"},
            "viewer": {"slow": "catch_up"}, "session": {"ttl": "60s"}}


def dump(folder, binary=NEXT):
    """(kind, its name, or what stands for its token) → record."""
    done = relay_module.run_once("state", "dump", "--path", folder, binary=binary)
    assert done.returncode == 0, done.stderr
    return {(one["kind"], one.get("name", one.get("id"))): one["record"]
            for one in json.loads(done.stdout)["records"]}


def lasting(records):
    """A lease is over when its holder is back."""
    return {key for key in records if key[0] != "lease"}


def versions(records):
    return {one["schema_version"] for one in records.values()}


@pytest.fixture
def turns(start, tmp_path):
    """turn(binary, signal) ends the relay that runs, if there is one, and starts that one;
    `turn.left` is what the one before has left."""
    assert NEXT.exists(), f"there is no {NEXT}; build the target spancast_newer"
    relays = []

    def turn(binary, number=signal.SIGTERM):
        if relays:
            if number == signal.SIGKILL:
                relays[-1].expected_exit = -number
            relays[-1].signal(number)
            relays[-1].wait_exit()
            turn.left = dump(tmp_path / "state")
        relays.append(start(config(tmp_path / "state"), binary=binary))
        return relays[-1]

    turn.port = lambda: relays[-1].http_port
    return turn


def revoke_one(relay):
    """A viewer that came and was sent away, so that there is a record of that too."""
    with wire_client.Player(relay.http_port, STREAM) as one:
        one.wait_chunks(1)
        (session,) = [session for session in relay.admin("/api/v1/sessions").json()["sessions"]
                      if session["kind"] == "viewer"]
        answer = client.request(relay.admin_port, "POST", f"/api/v1/revocations?id={session['id']}")
        assert answer.status == 204
        one.wait_end()


def wait_rewritten(folder, binary):
    """Until the stream has been written again; returns all records as the next version reads them."""
    before = int(dump(folder)["stream", NAME]["next_sequence"])
    client.until(lambda: int(dump(folder, binary)["stream", NAME]["next_sequence"]) > before + 5,
                 what="the stream in the state")
    return dump(folder)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_forward_and_back(turns, wire_clip, tmp_path, number):
    folder = tmp_path / "state"
    relay = turns(THIS)
    with contextlib.ExitStack() as stack:
        source, filming = stack.enter_context(wire_media.live(turns.port, wire_clip, STREAM))
        source.wait_acknowledged(10)
        revoke_one(relay)
        players = [stack.enter_context(wire_client.Player(turns.port, STREAM, start={"at_utc_us": 0}))
                   for _ in range(PLAYERS)]
        players[0].wait_chunks(30)
        client.until(lambda: {"stream", "publisher", "viewer", "usage", "revocation"}
                     <= {kind for kind, _ in dump(folder, THIS)}, what="every kind of record")
        first = dump(folder, THIS)

        def check_players(connections):
            for player in players:
                player.wait(lambda player=player: player.connections == connections, "a connection")
                player.wait_position(source.next)

        turns(NEXT, number)  # forward
        check_players(2)
        second = wait_rewritten(folder, NEXT)
        assert lasting(second) >= lasting(first), "nothing is lost"
        (version,) = versions(second)
        assert {version - 1} == versions(first)
        assert second["stream", NAME]["next_version_note"] == WRITTEN
        assert {one["next_version_note"] for (kind, _), one in second.items()
                if kind == "revocation"} == {MIGRATED}

        turns(THIS, number)  # and back
        check_players(3)
        third = wait_rewritten(folder, THIS)
        assert lasting(third) >= lasting(turns.left)
        assert third["stream", NAME]["next_version_note"] == WRITTEN, "it was rewritten without"
        for key in lasting(turns.left):
            note = turns.left[key].get("next_version_note")
            assert third[key].get("next_version_note") == note, key
            assert third[key]["schema_version"] == version, key

        turns(NEXT, number)  # and forward again
        check_players(4)
        assert versions(wait_rewritten(folder, NEXT)) == {version}
        filming.stop()
        source.wait_acknowledged()
        assert source.dropped == 0
        for player in players:
            player.wait_position(source.next - 1)
            player.check_once(0, source.next)
            assert player.gaps == []


def test_an_export_of_one_is_an_import_of_the_other(turns, wire_clip, tmp_path):
    """What only the next version knows goes through this one's files."""
    folder, exported, moved = tmp_path / "state", tmp_path / "state.export", tmp_path / "moved"
    relay = turns(NEXT)
    with wire_media.live(turns.port, wire_clip, STREAM) as (source, _):
        source.wait_acknowledged(10)
        client.until(lambda: ("stream", NAME) in dump(folder), what="the stream in the state")
        relay.stop()
    written = dump(folder)
    for arguments in (("export", exported, "--path", folder), ("import", exported, "--path", moved)):
        done = relay_module.run_once("state", *arguments)
        assert done.returncode == 0, done.stderr
    assert dump(moved) == written and written["stream", NAME]["next_version_note"] == WRITTEN

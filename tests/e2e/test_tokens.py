"""Tokens of publishers and viewers over the wire, and what is known of their sessions: signed, for
one stream, until they expire or are revoked, also from one relay to the next."""

import datetime
import json
import signal
import stat
import time

import pytest

import client
import programs
import relay as relay_module
import websocket
import wire_client
import wire_media
import wire_messages

STREAM = "/live/cam"
SECRET, OTHER_SECRET = "a-secret-of-this-cluster", "another-one-it-has-later"
REFUSED = 4  # exit code of the programs
TOKEN_BYTES = 120


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"


def settings(state=None, **more):
    config = {"publisher": {"grace": "10s", "idle": "500ms"}, "session": {"ttl": "20s"}}
    if state:
        config["state"] = {"path": str(state), "commit_interval": "20ms"}
    return relay_module.merged(config, more)


def greet(relay, token=b"", path=STREAM, epoch=1):
    """What a camera without chunks is answered: the message and its name."""
    wire = wire_messages.today()
    with websocket.WebSocket(relay.http_port, path) as one:
        one.send(wire.pack(hello=wire.Hello(token=token, epoch=epoch)))
        name, message, _ = wire.unpack(one.receive()[1])
        if name == "welcome":
            one.send(wire.pack(bye=wire.Bye()))
        return name, message


def new_token(relay, **arguments):
    name, welcome = greet(relay, **arguments)
    assert name == "welcome", welcome
    return welcome.token


def reason_of(bye):
    return wire_messages.name_of(wire_messages.today().Bye.Reason, bye.reason)


def sessions(relay):
    return relay.admin("/api/v1/sessions").json()["sessions"]


def session_of(relay, kind, stream="live/cam"):
    found = [one for one in sessions(relay) if (one["kind"], one["stream"]) == (kind, stream)]
    assert len(found) == 1, found
    return found[0]


def revoke(relay, token_id):
    return client.request(relay.admin_port, "POST", f"/api/v1/revocations?id={token_id}").status


def dump(state):
    """The records, by kind."""
    found = relay_module.run_once("state", "dump", "--path", state)
    assert found.returncode == 0, found.stderr
    records = {}
    for one in json.loads(found.stdout)["records"]:
        records.setdefault(one["kind"], []).append(one)
    return records


def wait_stored(state, kind, count=1):
    client.until(lambda: len(dump(state).get(kind, [])) == count, what=f"{count} of {kind}")


def wait_committed(relay):
    """What is known now is in the database, as soon as what is live has been written twice."""
    commits = relay.metric("spancast_state_commits_total")
    client.until(lambda: relay.metric("spancast_state_commits_total") > commits + 1, what="commits")


# Whose tokens count.

def test_a_signed_token_comes_back_the_same(start, wire_clip):
    relay = start(settings())
    with wire_client.Player(relay.http_port, STREAM) as one, \
            wire_media.live(relay.http_port, wire_clip) as (cam, filming):
        one.wait_chunks(20)
        tokens = cam.token, one.token
        assert len(tokens[0]) == len(tokens[1]) == TOKEN_BYTES and tokens[0] != tokens[1]
        for times in (2, 3):
            cam.cut()
            one.cut()
            cam.wait(lambda: cam.connections == times, "another connection")
            one.wait(lambda: one.connections == times, "another connection")
            assert (cam.token, one.token) == tokens
        filming.stop()
        one.wait_position(cam.next - 1)


def test_a_token_that_does_not_count_is_replaced(start):
    relay = start(settings(publisher={"idle": "100ms"}))
    other = start(settings())
    token = new_token(relay)
    assert new_token(relay, token=token) == token
    forged = bytearray(token)
    forged[70] = ord("A") if forged[70] != ord("A") else ord("B")
    viewer = watch_token(relay)
    for shown in (bytes(forged), token[:-1], b"\0" * 32, b"1f" * 16, new_token(other), viewer,
                  new_token(relay, path="/live/other")):
        got = client.until(lambda shown=shown: accepted(relay, shown), what="the turn")
        assert got not in (shown, token) and len(got) == TOKEN_BYTES
    assert watch_token(relay, viewer) == viewer
    assert watch_token(relay, token) not in (token, viewer)


def accepted(relay, token):
    name, message = greet(relay, token)
    return message.token if name == "welcome" else None


def watch_token(relay, token=b"", stream="/live/watched"):
    """That of a player which got one chunk."""
    clip_path = stream
    with wire_client.Camera(relay.http_port, clip_path) as cam:
        cam.set_tracks([cam.schema.Track(codec=b"opus", timescale=48000)])
        cam.add([cam.schema.Sample(track=0, size=3, sync=True)], b"abc", sync=True)
        one = wire_client.Player(relay.http_port, stream)
        one.token = token
        with one:
            one.wait_chunks(1)
            return one.token


def test_the_relays_own_secret_outlives_it(start, state):
    relay = start(settings(state))
    token = new_token(relay)
    relay.stop()
    secret = state / "secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    text = secret.read_text()
    relay = start(settings(state))
    assert new_token(relay, token=token) == token
    assert secret.read_text() == text


def test_tokens_of_the_secret_before_count(start):
    old = start(settings(cluster={"secret": SECRET}))
    token = new_token(old)
    both = start(settings(cluster={"secret": OTHER_SECRET, "secret_previous": SECRET}))
    assert new_token(both, token=token) == token
    new = start(settings(cluster={"secret": OTHER_SECRET}))
    assert new_token(new, token=token) != token
    issued = new_token(both, path="/live/new")
    assert new_token(new, token=issued, path="/live/new") == issued


# Revocation.

def test_who_is_revoked_ends_and_is_refused(start, state, wire_clip):
    relay = start(settings(state))
    with wire_client.Player(relay.http_port, STREAM) as one, \
            wire_media.live(relay.http_port, wire_clip) as (cam, filming):
        one.wait_chunks(10)
        for peer, kind in ((one, "viewer"), (cam, "publisher")):
            token_id = session_of(relay, kind)["id"]
            began = time.monotonic()
            assert revoke(relay, token_id) == 204
            bye = peer.wait_end(5)
            assert time.monotonic() - began < 5
            assert (bye.reason, bye.detail) == ("BAD_TOKEN", "the token was revoked")
            assert revoke(relay, token_id) == 204
        filming.stop()
    assert relay.metric("spancast_viewer_ends_total", reason="revoked") == 1
    assert relay.metric("spancast_publisher_ends_total", reason="revoked") == 1
    assert sessions(relay) == []
    check_refused(relay, cam, one)
    wait_stored(state, "revocation", 2)
    end(relay, "kill")
    relay = start(settings(state))
    check_refused(relay, cam, one)
    revoked = relay.admin("/api/v1/revocations").json()["revocations"]
    assert len(revoked) == len(dump(state)["revocation"]) == 2
    # Somebody else need not wait until the one that was sent away is silent.
    assert greet(relay)[0] == "welcome"


def check_refused(relay, cam, one):
    name, bye = greet(relay, cam.token)
    assert (name, reason_of(bye), bye.detail) == ("bye", "BAD_TOKEN", b"the token was revoked")
    player = wire_client.Player(relay.http_port, STREAM)
    player.token = one.token
    with player:
        assert player.wait_end().reason == "BAD_TOKEN"


def test_programs_that_are_revoked_say_so(start):
    relay = start(programs.CONFIG)
    with programs.camera(relay.http_port) as camera, programs.player(relay.http_port) as player:
        player.wait_frames(30)
        for program, kind in ((player, "viewer"), (camera, "publisher")):
            assert revoke(relay, session_of(relay, kind)["id"]) == 204
            program.wait_error("the token was revoked")
            program.end(REFUSED)


def test_what_may_be_revoked(start):
    relay = start(settings())
    assert revoke(relay, "0" * 32) == 404
    assert revoke(relay, "0" * 31) == revoke(relay, "x" * 32) == 400
    assert client.request(relay.admin_port, "POST", "/api/v1/revocations").status == 400
    for target in ("/api/v1/sessions", "/api/v1/revocations"):
        assert relay.get(target).status == 404
    assert client.request(relay.http_port, "POST",
                          f"/api/v1/revocations?id={'0' * 32}").status == 404
    token = new_token(relay)
    (one,) = sessions(relay)
    assert token.decode() not in relay.admin("/api/v1/sessions").body.decode()
    assert revoke(relay, one["id"].upper()) == 204
    (revocation,) = relay.admin("/api/v1/revocations").json()["revocations"]
    assert revocation == {"id": one["id"], "expires": one["expires"]}
    guarded = start(settings(admin={"token": "open-sesame"}))
    for method in ("GET", "POST"):
        answer = client.request(guarded.admin_port, method, f"/api/v1/revocations?id={'0' * 32}")
        assert answer.status == 401


# Expiry.

def test_who_has_an_old_token_is_given_a_new_one(start, wire_clip):
    relay = start(settings(session={"token_lifetime": "2s"}))
    with wire_client.Player(relay.http_port, STREAM, start={"at_utc_us": 0}) as one, \
            wire_media.live(relay.http_port, wire_clip) as (cam, filming):
        one.wait_chunks(1)
        first = cam.token, one.token
        for peer in (cam, one):
            bye = peer.wait_bye(2)
            assert (bye.reason, bye.detail) == ("UNSPECIFIED", "the token has expired")
            peer.wait(lambda peer=peer: peer.connections >= 3, "third connection")
        filming.stop()
        cam.wait_acknowledged()
        one.wait_position(cam.next - 1)
        one.check_once(0, cam.next)
        filming.check_payload(one.chunks)
        assert cam.token != first[0] and one.token != first[1]
        assert not one.losses and not cam.losses


def test_programs_with_an_old_token_go_on(start):
    relay = start(relay_module.merged(programs.CONFIG, {"session": {"token_lifetime": "2s"}}))
    with programs.camera(relay.http_port) as camera, programs.player(relay.http_port) as player:
        player.wait(lambda report: report["reconnects"] >= 2, "two new tokens")
        report = programs.finish(camera, player)
    programs.check_every_frame(report)


# What is known of a session.

@pytest.mark.parametrize("ending", ["drain", "kill"])
def test_a_session_goes_on_over_a_restart(start, state, wire_clip, ending):
    relay = [start(settings(state))]
    port = lambda: relay[0].http_port  # noqa: E731
    with wire_client.Player(port, STREAM, start={"at_utc_us": 0}) as one, \
            wire_client.Camera(port, STREAM) as cam, \
            wire_media.Filming(cam, wire_clip) as filming:
        one.wait_chunks(30)
        client.until(lambda: int(session_of(relay[0], "publisher")["bytes"]) > 0,
                     what="bytes of the publisher")
        before = {kind: session_of(relay[0], kind) for kind in ("publisher", "viewer")}
        wait_committed(relay[0])
        end(relay[0], ending)
        relay[0] = start(settings(state))
        for peer in (cam, one):
            peer.wait(lambda peer=peer: peer.connections == 2, "another connection")
        client.until(lambda: int(session_of(relay[0], "publisher")["bytes"])
                     > int(before["publisher"]["bytes"]), what="more bytes")
        for kind, known in before.items():
            again = session_of(relay[0], kind)
            assert again["connected"] and again["lease"] == ""
            for field in ("id", "start", "expires"):
                assert again[field] == known[field]
            assert int(again["bytes"]) >= int(known["bytes"])
        filming.stop()
        one.wait_position(cam.next - 1)


def end(relay, how):
    if how == "kill":
        relay.expected_exit = -signal.SIGKILL
        relay.signal(signal.SIGKILL)
        relay.wait_exit()
    else:
        relay.stop()


def test_a_viewer_is_served_as_before(start, state, wire_clip):
    relay = start(settings(state))
    with wire_media.live(relay.http_port, wire_clip) as (cam, filming):
        with wire_client.Player(relay.http_port, STREAM, slow="CATCH_UP", max_lag_ms=1234,
                                flush_ms=77) as one:
            one.wait_chunks(5)
        client.until(lambda: not session_of(relay, "viewer")["connected"], what="its end")
        silent = wire_client.Player(relay.http_port, STREAM, flush_ms=None)
        silent.token = one.token
        with silent:
            silent.wait_chunks(5)
            wait_committed(relay)
            (record,) = dump(state)["viewer"]
            assert record["record"]["policy"] == {"slow": "CATCH_UP", "max_lag_ms": 1234,
                                                  "flush_ms": 77}
        filming.stop()


@pytest.mark.parametrize("down", [False, True])
def test_when_the_lease_ends_nothing_is_left(start, state, wire_clip, down):
    config = settings(state, session={"ttl": "1s"})
    relay = start(config)
    with wire_client.Player(relay.http_port, STREAM) as one, \
            wire_media.live(relay.http_port, wire_clip) as (cam, filming):
        one.wait_chunks(5)
        filming.stop()
    client.until(lambda: not any(session["connected"] for session in sessions(relay)),
                 what="their end")
    if down:
        relay.stop()
        records = dump(state)
        assert set(records) >= {"publisher", "viewer", "lease"}
        over = max(one["record"]["expiry"] for one in records["lease"])
        client.until(lambda: datetime.datetime.now(datetime.timezone.utc).isoformat() > over,
                     what="the end of the leases")
        relay = start(config)
    client.until(lambda: sessions(relay) == [], timeout=5, what="the end of the leases")
    client.until(lambda: not {"publisher", "viewer", "lease"} & set(dump(state)), timeout=5,
                 what="no record")


@pytest.mark.parametrize("ending", ["drain", "kill"])
@pytest.mark.parametrize("workers", [1, 2])
def test_nobody_slips_in_before_a_camera_is_back(start, state, wire_clip, media, workers, ending):
    config = settings(state, workers=workers, publisher={"idle": "3s"})
    relay = start(config)
    with wire_media.live(relay.http_port, wire_clip) as (cam, filming):
        cam.wait_acknowledged(10)
        wait_committed(relay)
        cam.port = 1
        end(relay, ending)
        relay = start(config)
        name, bye = greet(relay)
        assert (name, reason_of(bye)) == ("bye", "IN_USE") and 0 < bye.retry_after_ms <= 3000
        answer = client.request(relay.http_port, "PUT", STREAM + ".ts",
                                body=media.plain.data[:188])
        assert answer.status == 409
        assert greet(relay, path="/live/other")[0] == "welcome"
        cam.port = relay.http_port
        cam.wait(lambda: cam.connections == 2, "its place")
        filming.stop()
        cam.wait_acknowledged()


def test_a_stream_is_free_when_its_camera_does_not_come_back(start, state):
    config = settings(state, publisher={"idle": "1s"})
    relay = start(config)
    new_token(relay)
    wait_stored(state, "publisher")
    end(relay, "kill")
    relay = start(config)
    assert greet(relay)[0] == "bye"
    client.until(lambda: greet(relay)[0] == "welcome", timeout=5, what="the turn")

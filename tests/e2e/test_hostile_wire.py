"""Hostile peers of the wire: malformed handshakes, frames, envelopes and messages, and floods."""

import pytest

import client
import hostile
import hostile_wire
import websocket
import wire_messages
from hostile_wire import Case
from websocket import BINARY, CONTINUATION, PING, TEXT

MIB = 1024 * 1024
ENVELOPE_MAX = 64 * 1024
UTC_MAX = 253_402_300_799_999_999
SECONDS_MAX = 1 << 32


@pytest.fixture(scope="module")
def victim(tmp_path_factory, media, wire_clip):
    folder = tmp_path_factory.mktemp("victim")
    with hostile_wire.victim(folder, media, wire_clip, {
            "http": {"header_timeout": "1s"}, "publisher": {"idle": "300ms"}}) as one:
        yield one


def does(*steps):
    """One step after the other, each a function of the attacker."""
    def act(attacker):
        for step in steps:
            step(attacker)
    return act


def says(name, *arguments, **fields):
    """Calls a method of the attacker."""
    return lambda attacker: getattr(attacker, name)(*arguments, **fields)


def made(make):
    """Sends the message that is made of the attacker's schema: `made(lambda it: {...})`."""
    return lambda attacker: attacker.message(**make(attacker))


HELLO = says("publish")
WATCH = says("watch")


# Before anybody knows what the peer is.

def nobody(name, act, bye, **fields):
    return Case(name, act, bye, f"wire refused .*reason={bye.lower()}", **fields)


def publisher(name, act, bye, **fields):
    """After Hello and Welcome."""
    return Case(name, does(HELLO, act), bye, "publisher ended .*reason=bad_message", **fields)


def viewer(name, act, bye, **fields):
    """After Play and Playing."""
    return Case(name, does(WATCH, act), bye, "viewer ended .*reason=bad_message", **fields)


ENVELOPES = {
    "an empty message": says("send", b""),
    "noise": says("send", bytes(range(200, 256)) * 10),
    "a length of eleven bytes": says("send", b"\xff" * 10 + b"\1" + bytes(20)),
    "a length without an end": says("send", b"\xff\xff"),
    "an envelope that is cut": says("send", b"\x20" + b"\x0a\x1f" + bytes(5)),
    "a field of no type": says("envelope", b"\x0f\x01"),
    "a field that is longer than the envelope": says("envelope", b"\x0a\x40abc"),
}
FIRST = [nobody(f"begins with {name}", act, "BAD_MESSAGE") for name, act in ENVELOPES.items()] + [
    nobody("begins with a chunk", says("chunk"), "BAD_MESSAGE"),
    nobody("begins with what a relay says", made(lambda it: {"welcome": it.wire.Welcome()}),
           "BAD_MESSAGE"),
    nobody("begins with Pause", made(lambda it: {"pause": it.wire.Pause()}), "BAD_MESSAGE"),
    nobody("begins with too large an envelope", says("envelope", bytes(ENVELOPE_MAX + 1)),
           "TOO_LARGE"),
    nobody("says a length that is too large", says("send", b"\xff\xff\xff\x7f" + bytes(9)),
           "TOO_LARGE"),
    nobody("is not known and talks without end", lambda it: [
        it.envelope(b"\xfa\x3f\x02hi") for _ in range(400)], "FLOOD", resets=True),
    nobody("says nothing", says("ping"), "BAD_MESSAGE", detail="too long"),
    # Hello.
    nobody("has no epoch", says("hello", epoch=0), "BAD_MESSAGE"),
    nobody("keeps chunks that it has not made", says("hello", first_sequence=9, sync_sequence=9),
           "BAD_MESSAGE"),
    nobody("keeps sync chunks that it does not keep",
           says("hello", first_sequence=5, sync_sequence=3, next_sequence=9), "BAD_MESSAGE"),
    nobody("has made too many chunks", says("hello", next_sequence=1 << 62), "BAD_MESSAGE"),
    nobody("has 17 tracks", lambda it: it.hello(tracks=it.tracks(17)), "TOO_MANY_TRACKS"),
    nobody("has 5000 tracks", lambda it: it.hello(tracks=it.tracks(5000)), "TOO_MANY_TRACKS"),
    nobody("has a track without a timescale", lambda it: it.hello(tracks=it.tracks(timescale=0)),
           "BAD_MESSAGE"),
    nobody("has tracks without a version", lambda it: it.hello(tracks=it.tracks(version=0)),
           "BAD_MESSAGE"),
    nobody("has a long configuration", lambda it: it.hello(tracks=it.tracks(config=bytes(2049))),
           "TOO_LARGE"),
    nobody("has a long codec", lambda it: it.hello(tracks=it.tracks(codec=b"x" * 33)), "TOO_LARGE"),
    nobody("has a long language", lambda it: it.hello(tracks=it.tracks(language=b"x" * 17)),
           "TOO_LARGE"),
    nobody("has a long token", says("hello", token=bytes(513)), "BAD_TOKEN"),
    nobody("has a long name", says("hello", stream=b"x" * 1025), "TOO_LARGE"),
    nobody("has another name", says("hello", stream=b"live/other"), "BAD_MESSAGE"),
    # Play.
    nobody("wants a place without an epoch", lambda it: it.play(cursor=it.position(0, epoch=0)),
           "BAD_MESSAGE"),
    nobody("wants a number that is too large", lambda it: it.play(cursor=it.position(1 << 62)),
           "BAD_MESSAGE"),
    nobody("wants an end without an epoch", lambda it: it.play(until=it.position(0, epoch=0)),
           "BAD_MESSAGE"),
    nobody("wants a time before 1970", says("play", at_utc_us=-1), "BAD_MESSAGE"),
    nobody("wants a time after 9999", says("play", at_utc_us=UTC_MAX + 1), "BAD_MESSAGE"),
    nobody("watches with a long token", says("play", token=bytes(513)), "BAD_TOKEN"),
]

PUBLISHERS = [publisher(f"publishes {name}", act, "BAD_MESSAGE")
              for name, act in ENVELOPES.items()] + [
    publisher("says Hello twice", says("hello"), "BAD_MESSAGE"),
    publisher("publishes and plays", says("play"), "BAD_MESSAGE"),
    publisher("acknowledges", lambda it: it.message(ack=it.wire.Ack(
        received=it.position(0), durable=it.position(0))), "BAD_MESSAGE"),
    publisher("leaves a number out", does(says("chunk"), says("chunk", sequence=2)),
              "BAD_SEQUENCE"),
    publisher("sends another epoch", says("chunk", epoch=77), "BAD_SEQUENCE"),
    publisher("sends no epoch", says("chunk", epoch=0), "BAD_MESSAGE"),
    publisher("numbers too high", says("chunk", sequence=wire_messages.SEQUENCE_MAX),
              "BAD_MESSAGE"),
    publisher("sends no samples", says("chunk", b"", samples=[]), "BAD_MESSAGE"),
    publisher("sends too many samples", lambda it: it.chunk(
        b"", samples=[it.sample()] * (wire_messages.SAMPLES_MAX + 1)), "TOO_LARGE"),
    publisher("sends less than it says", lambda it: it.chunk(samples=[it.sample(size=6)]),
              "BAD_MESSAGE"),
    publisher("sends more than it says", lambda it: it.chunk(samples=[it.sample(size=4)]),
              "BAD_MESSAGE"),
    publisher("says sizes that overflow", lambda it: it.chunk(
        samples=[it.sample(size=0xFFFFFFFF)] * 1024), "BAD_MESSAGE"),
    publisher("sends a checksum that is wrong", says("chunk", checksum=1), "BAD_CHECKSUM"),
    publisher("sends a time before 1970", says("chunk", utc_us=-1), "BAD_MESSAGE"),
    publisher("sends a time after 9999", says("chunk", utc_us=UTC_MAX + 1), "BAD_MESSAGE"),
    publisher("means tracks that are not known", says("chunk", tracks_version=2), "BAD_MESSAGE"),
    publisher("means a track that is not there", lambda it: it.chunk(
        samples=[it.sample(size=5, track=1)]), "BAD_MESSAGE"),
    publisher("means a track that cannot be", lambda it: it.chunk(
        samples=[it.sample(size=5, track=1 << 31)]), "BAD_MESSAGE"),
    publisher("is in the far future", lambda it: it.chunk(
        samples=[it.sample(size=5, dts=SECONDS_MAX * 90000)]), "BAD_MESSAGE"),
    publisher("is in the far past", lambda it: it.chunk(
        samples=[it.sample(size=5, dts=-SECONDS_MAX * 90000)]), "BAD_MESSAGE"),
    publisher("has a time that overflows", lambda it: it.chunk(
        samples=[it.sample(size=5, dts=(1 << 63) - 1, pts_offset=1)]), "BAD_MESSAGE"),
    # The checksum is not looked at, and takes this client longer than the relay waits for a pong.
    publisher("sends a chunk that is too large",
              lambda it: it.chunk(bytes(16 * MIB + 1), checksum=1), "TOO_LARGE", resets=True),
    publisher("changes the tracks of a version", lambda it: it.message(
        tracks=it.tracks(timescale=1000)), "BAD_MESSAGE"),
    publisher("has 17 tracks later", lambda it: it.message(tracks=it.tracks(17, version=2)),
              "TOO_MANY_TRACKS"),
    publisher("loses what it has not made", lambda it: it.message(gap=it.gap(5, 9)),
              "BAD_SEQUENCE"),
    publisher("loses backwards", lambda it: it.message(gap=it.gap(0, 0)), "BAD_MESSAGE"),
    publisher("loses of another epoch", lambda it: it.message(gap=it.gap(0, 5, epoch=77)),
              "BAD_SEQUENCE"),
    publisher("changes its tracks without end", lambda it: [
        it.message(tracks=it.tracks(version=number)) for number in range(2, 500)], "FLOOD",
        resets=True),
    publisher("talks without end", lambda it: [it.envelope(b"\xfa\x3f\x02hi") for _ in range(500)],
              "FLOOD", resets=True),
]

VIEWERS = [
    viewer("plays twice", says("play"), "BAD_MESSAGE"),
    viewer("plays and publishes", says("hello"), "BAD_MESSAGE"),
    viewer("sends a chunk", says("chunk"), "BAD_MESSAGE"),
    viewer("seeks without an epoch", made(lambda it: {"seek": it.wire.Seek(
        cursor=it.position(0, epoch=0), request=1)}), "BAD_MESSAGE"),
    viewer("seeks before 1970", made(lambda it: {"seek": it.wire.Seek(
        at_utc_us=-1, request=1)}), "BAD_MESSAGE"),
    viewer("pauses and resumes without end", lambda it: [
        it.message(**{kind: getattr(it.wire, kind.title())()})
        for _ in range(300) for kind in ("pause", "resume")], "FLOOD", resets=True),
    viewer("seeks without end", lambda it: [it.message(seek=it.wire.Seek(
        live=True, request=number)) for number in range(1, 600)], "FLOOD", resets=True),
    viewer("sends noise", says("send", b"\xff" * 30), "BAD_MESSAGE"),
]

PROTOCOL = 1002
FRAMES = {
    "does not mask": (says("frame", BINARY, b"x", mask=False), PROTOCOL),
    "sets a reserved bit": (says("frame", BINARY, b"x", rsv=4), PROTOCOL),
    "uses an unknown opcode": (says("frame", 3), PROTOCOL),
    "uses an unknown control opcode": (says("frame", 11), PROTOCOL),
    "cuts a ping": (says("frame", PING, fin=False), PROTOCOL),
    "sends a long ping": (says("frame", PING, bytes(126)), PROTOCOL),
    "writes a short length in three bytes": (says("frame", BINARY, bytes(9), length=3), PROTOCOL),
    "writes a length in nine bytes": (says("frame", BINARY, bytes(999), length=9), PROTOCOL),
    "says a length beyond all": (says("frame", BINARY, b"x", length=9, declared=1 << 63), PROTOCOL),
    "continues nothing": (says("frame", CONTINUATION, b"x"), PROTOCOL),
    "begins a message within another": (does(says("frame", BINARY, b"x", fin=False),
                                             says("frame", BINARY, b"x")), PROTOCOL),
    "closes with one byte": (says("frame", websocket.CLOSE, b"\3"), PROTOCOL),
    "closes with a code that is never sent": (says("frame", websocket.CLOSE, b"\3\xed"), PROTOCOL),
    "closes with no code": (says("frame", websocket.CLOSE, b"\0\0"), PROTOCOL),
    "closes with bad UTF-8": (says("frame", websocket.CLOSE, b"\3\xe8\xff"), 1007),
    "sends text": (says("send", b"{}", TEXT), 1003),
    "says a size that is too large": (
        says("frame", BINARY, b"x", length=9, declared=17 * MIB), 1009),
    "sends fragments without end": (lambda it: it.send_bytes(b"".join(
        websocket.frame(CONTINUATION if number else BINARY, b"x", fin=False)
        for number in range(17_000))), 1008),
}
BROKEN = [make(f"{name} as {who}", act, "TOO_LARGE" if code in (1008, 1009) else "BAD_MESSAGE",
               close=code, resets=code == 1008)
          for name, (act, code) in FRAMES.items()
          for who, make in (("nobody", nobody), ("publisher", publisher), ("viewer", viewer))]
BROKEN += [make(f"floods with pings as {who}", lambda it: it.send_bytes(
    websocket.frame(PING, b"?") * 2000), "FLOOD", resets=True)
    for who, make in (("publisher", publisher), ("viewer", viewer))]


@pytest.mark.parametrize("case", FIRST + PUBLISHERS, ids=lambda case: case.name)
def test_a_hostile_wire_peer(victim, case):
    hostile_wire.attack(victim, case)


@pytest.mark.parametrize("case", VIEWERS, ids=lambda case: case.name)
def test_a_hostile_wire_viewer(victim, case):
    hostile_wire.attack(victim, case, hostile_wire.HEALTHY)


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.name)
def test_broken_websocket_frames(victim, case):
    path = hostile_wire.HEALTHY if case.name.endswith("viewer") else hostile_wire.ATTACKED
    hostile_wire.attack(victim, case, path)


# The handshake.

def handshake(name, status, *, path="/live/cam", body="", closed=True, answer=None, **arguments):
    key = arguments.pop("key", "dGhlIHNhbXBsZSBub25jZQ==")
    head = websocket.request(path, key=key, **arguments)
    return hostile.Case(name, head, status, body=body, closed=closed, fields=answer or {})


def field(**values):
    return {"fields": {name.replace("_", "-"): value for name, value in values.items()}}


HANDSHAKES = [
    handshake("has no key", 400, **field(Sec_WebSocket_Key=None)),
    handshake("has a key that is too short", 400, key="dGhl"),
    handshake("has a key that is no base64", 400, key="!GhlIHNhbXBsZSBub25jZQ=="),
    handshake("has an old version", 426, closed=False, answer={"sec-websocket-version": "13"},
              **field(Sec_WebSocket_Version="8")),
    handshake("has no version", 426, closed=False, answer={"sec-websocket-version": "13"},
              **field(Sec_WebSocket_Version=None)),
    handshake("asks for another protocol", 400, protocol="mqtt"),
    handshake("asks for no protocol", 400, **field(Sec_WebSocket_Protocol=None)),
    handshake("asks for a reserved name", 400, path="/api/cam"),
    handshake("asks for a name that is none", 400, path="/live/../cam"),
    handshake("asks for a name that is too long", 400, path="/a" * 9),
]


@pytest.mark.parametrize("case", HANDSHAKES, ids=lambda case: case.name)
def test_a_bad_handshake(victim, case):
    hostile.attack(hostile.Victim(victim.relay, victim.over_http), case)


# Ends in the middle.

POINTS = {
    "behind the handshake": does(),
    "in a frame": says("send_bytes", websocket.frame(BINARY, bytes(100))[:50]),
    "behind Hello": says("hello"),
    "behind Welcome": HELLO,
    "in a chunk": does(HELLO, says("frame", BINARY, bytes(50), declared=60000)),
    "between fragments": does(HELLO, says("frame", BINARY, bytes(50), fin=False)),
    "behind a chunk": does(HELLO, says("chunk")),
    "behind Play": says("play"),
    "while it waits": lambda it: it.play(cursor=it.position(10)),
    "behind Close": says("send_bytes", websocket.close_frame()),
}


@pytest.mark.parametrize("point", POINTS)
def test_a_reset_at_every_point(victim, point):
    relay = victim.relay
    for path in (hostile_wire.ATTACKED, hostile_wire.HEALTHY):
        for _ in range(3):
            attacker = hostile_wire.Attacker(relay.http_port, path)
            try:
                POINTS[point](attacker)
            except AssertionError:
                assert path == hostile_wire.HEALTHY  # Hello to it is IN_USE
            hostile_wire.reset_now(attacker)
    settle(victim)


def settle(victim):
    """Waits until only the healthy ones are left."""
    relay = victim.relay
    client.until(
        lambda: (relay.metric("spancast_publishers"), relay.metric("spancast_viewers"),
                 relay.metric("spancast_connections")) == (2, 2, 1),
        what="the end of all others")
    victim.check()


@pytest.mark.parametrize("act, grace, ending", [
    pytest.param(HELLO, "300ms", "publisher ended .*reason=broken", id="publisher"),
    pytest.param(says("play"), "60s", "viewer ended", id="viewer", marks=pytest.mark.long)])
def test_a_peer_that_answers_no_ping_is_closed(start, act, grace, ending):
    """Nothing comes from it and nothing ends it; the relay asks, and gives it up."""
    relay = start({"publisher": {"idle": "300ms", "grace": grace},
                   "viewer": {"stall_timeout": "1s"}})
    with hostile_wire.Attacker(relay.http_port) as attacker:
        attacker.answering = False
        act(attacker)
        asked = 0
        while not isinstance(got := attacker.receive(pongs=True), websocket.Closed):
            asked += got[0] == PING
        relay.wait_log(ending)
        assert asked == 1 and got.code == websocket.LOST


def test_one_that_answers_pings_is_not_closed(victim):
    with hostile_wire.Attacker(victim.relay.http_port, hostile_wire.HEALTHY) as attacker:
        attacker.watch()
        for number in range(20):
            attacker.ping(b"%d" % number)

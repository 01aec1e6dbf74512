"""Hostile peers of the wire in a table: what each sends, and the Bye or the Close that it gets.

As in `hostile.py` a healthy stream is there all the time, over HTTP, and beside it one over the
wire whose player has to get every chunk.
"""

import contextlib
import dataclasses
import itertools
import re
import socket
import time
from typing import Callable, Optional

import client
import hostile
import websocket
import wire_client
import wire_media
import wire_messages

HEALTHY = "/healthy/wire"
ATTACKED = "/attacked/{}"  # each its own: what was there may come back for a while
# What follows a Bye, where it is not POLICY.
CLOSE_CODES = {"DRAIN": 1001, "TOO_LARGE": 1009, "OVERLOAD": 1013}
POLICY = 1008
BYES = "spancast_wire_byes_total"
numbers = itertools.count()
CHUNKS_AFTER = 1  # more of the healthy camera, to be delivered after each attack


@dataclasses.dataclass(frozen=True)
class Case:
    """One hostile peer and all it may see.

    `act`: given an `Attacker`, does the harm; the relay may end the connection under it. `bye`:
    the reason of the Bye, whose counter grows by one. `close`: code of the Close frame, if it is
    not that of the reason. `log`: pattern of the one line about this connection.
    """
    name: str
    act: Callable
    bye: str
    log: str
    close: Optional[int] = None
    detail: str = ""
    answers: bool = True      # to pings
    resets: bool = False      # sends so much that a reset may end it


class Attacker(websocket.WebSocket):
    """A connection, and the messages that a test sends over it."""

    def __init__(self, port, path=ATTACKED):
        super().__init__(port, path.format(next(numbers)))
        self.wire = wire_messages.today()
        self.epoch, self.next = 0x1234567890ABCDEF, 0

    def message(self, payload=b"", **message):
        self.send(self.wire.pack(payload, **message))

    def envelope(self, data, payload=b""):
        """Bytes that stand where an envelope belongs."""
        self.send(wire_messages.delimited(data) + payload)

    def tracks(self, count=1, version=1, **fields):
        track = self.wire.Track(**{"codec": b"h264", "timescale": 90000, **fields})
        return self.wire.Tracks(version=version, tracks=[track] * count)

    def hello(self, **fields):
        self.message(hello=self.wire.Hello(**{
            "epoch": self.epoch, "tracks": self.tracks(), "first_sequence": self.next,
            "sync_sequence": self.next, "next_sequence": self.next, **fields}))

    def publish(self, **fields):
        """Hello, answered by Welcome."""
        self.hello(**fields)
        return self.expect("welcome")

    def play(self, **fields):
        self.message(play=self.wire.Play(**fields))

    def watch(self, **fields):
        """Play of the healthy stream, answered by Playing."""
        self.play(**fields)
        return self.expect("playing")

    def expect(self, wanted):
        got = self.receive()
        assert not isinstance(got, websocket.Closed), f"{got} instead of {wanted}"
        name, message, _ = self.wire.unpack(got[1])
        assert name == wanted, f"{name} instead of {wanted}: {message}"
        return message

    def chunk(self, payload=b"\0\0\0\1\x65", *, samples=None, sequence=None, **fields):
        sequence = self.next if sequence is None else sequence
        whole = {"epoch": self.epoch, "sequence": sequence, "sync": True, "tracks_version": 1,
                 "utc_us": time.time_ns() // 1000,
                 "samples": [self.sample(size=len(payload))] if samples is None else samples,
                 **fields}
        if "checksum" not in fields:
            whole["checksum"] = wire_messages.crc32c(payload)
        self.message(payload, chunk=self.wire.Chunk(**whole))

    def sample(self, **fields):
        return self.wire.Sample(**{"dts": 900000, "duration": 3600, "sync": True, **fields})

    def position(self, sequence, epoch=None):
        return self.wire.Position(epoch=self.epoch if epoch is None else epoch, sequence=sequence)

    def gap(self, start, end, epoch=None):
        return self.wire.Gap(**{"from": self.position(start, epoch)}, to=self.position(end, epoch))

    def frame(self, *arguments, **fields):
        self.send_bytes(websocket.frame(*arguments, **fields))

    def judge(self, case):
        """What came until the end: at most one Bye, then the Close, then nothing."""
        found, closed = self.until_closed()
        byes = []
        for opcode, data in found:
            assert opcode == websocket.BINARY
            name, message, _ = self.wire.unpack(data)
            assert not byes, f"{name} after a Bye"
            if name == "bye":
                byes.append(message)
        if case.resets and closed.code == websocket.LOST:
            return
        reasons = [self.wire.Bye.Reason.Name(bye.reason) for bye in byes]
        assert reasons == [case.bye], (reasons, byes)
        assert closed.code == (case.close or CLOSE_CODES.get(case.bye, POLICY)), closed
        assert 0 < len(byes[0].detail) <= 256
        assert re.search(case.detail, byes[0].detail.decode()), byes[0].detail
        # As RFC 6455 has it (7.1.1): the server ends TCP first.
        with contextlib.suppress(OSError):
            self.send_bytes(websocket.close_frame(closed.code))
        self.socket.settimeout(client.TIMEOUT)
        try:
            assert self.socket.recv(1) == b"", "bytes behind the Close"
        except ConnectionError:
            assert case.resets, "a reset instead of an end"


class Healthy:
    """A wire camera and its player, which have to notice nothing."""

    def __init__(self, relay, clip):
        self.stack = contextlib.ExitStack()
        self.player = self.stack.enter_context(wire_client.Player(relay.http_port, HEALTHY))
        self.camera, self.filming = self.stack.enter_context(
            wire_media.live(relay.http_port, clip, HEALTHY, speed=1))
        self.player.wait_chunks(1)
        self.first = self.player.chunks[0].sequence

    def check(self, wanted):
        """Waits for that chunk, and judges all that came."""
        self.player.wait_position(wanted)
        assert self.player.gaps == [] and self.player.repeats == 0
        assert self.player.connections == self.camera.connections == 1
        assert self.player.sequences() == list(range(
            self.first, self.first + len(self.player.chunks)))

    def close(self):
        self.filming.check_payload(self.player.chunks)
        self.stack.close()


@dataclasses.dataclass
class Victim:
    relay: object
    over_http: hostile.Healthy
    over_wire: Healthy

    def check(self):
        """Both go on, at the same time."""
        wanted = self.over_wire.camera.next + CHUNKS_AFTER
        self.over_http.check()
        self.over_wire.check(wanted)


@contextlib.contextmanager
def victim(folder, media, clip, config=None):
    with hostile.victim(folder, media, config) as target:
        healthy = Healthy(target.relay, clip)
        try:
            yield Victim(target.relay, target.healthy, healthy)
            healthy.check(healthy.camera.next)
        finally:
            healthy.close()


def attack(target, case, path=ATTACKED):
    relay, reason = target.relay, case.bye.lower()
    before, start = relay.metric(BYES, reason=reason), len(relay.log)
    with Attacker(relay.http_port, path) as attacker:
        attacker.answering = case.answers
        name = attacker.name
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            case.act(attacker)
        attacker.judge(case)
        relay.wait_log(f"^(?=.* peer={re.escape(name)} )(?=.*{case.log})", start)
        client.until(lambda: relay.metric(BYES, reason=reason) == before + 1,
                     what=f"{BYES} of {reason} to grow by one from {before}")
    target.check()
    lines = [line for line in relay.log[start:]
             if f" peer={name} " in line and hostile.ENDINGS.search(line)]
    assert len(lines) == 1, f"not one line: {lines}"


def reset_now(attacker):
    attacker.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    attacker.socket.close()

"""Hostile clients in a table: what each sends, what exactly it gets, and that nobody else notices.

A module has one `victim()` for all its cases. `attack(victim, case)` plays one of them over a raw
socket and judges the answer, the log, the metrics and the connection; afterwards it waits until
more of the healthy stream has arrived, byte for byte and without a gap.
"""

import contextlib
import dataclasses
import http
import re
import socket
import threading
from typing import Callable, Mapping, Optional, Union

import client
import endless
import mpegts
import relay as relay_module

# What ends a connection that did something wrong leaves exactly one of these, with its address.
ENDINGS = re.compile(r"request refused|wire refused|publisher ended|viewer ended")
HEALTHY = "/healthy/cam.ts"
PIECE = 8  # packets
# Pieces that have to arrive after each attack: more than a frame, whatever the clip looks like.
PIECES_AFTER = 4


@dataclasses.dataclass(frozen=True)
class Case:
    """One hostile client and all it may see.

    `send`: bytes, or a function that is given the connected socket; it need not care that the
    relay may stop reading. `status`: of the one response, None for a connection that ends without
    a byte. `fields`: header fields of the response, by lower-case name, each a pattern for the
    whole value. `body`, `log`: patterns; `log` for the one line about this connection, None when
    there is to be none. `metric`: name and labels of the counter that grows by one.
    """
    name: str
    send: Union[bytes, Callable[[socket.socket], None]]
    status: Optional[int]
    body: str = ""
    log: Optional[str] = r"request refused"
    metric: Optional[tuple[str, Mapping[str, str]]] = None
    fields: Mapping[str, str] = dataclasses.field(default_factory=dict)
    closed: bool = True       # otherwise the connection must serve another request
    interim: bool = False     # 100 Continue comes first
    version: str = "HTTP/1.1"
    address: str = "127.0.0.1"  # where the client is
    flood: bool = False       # sends more than is ever thrown away: a reset may end it

    def counter(self):
        if self.metric or self.status is None or self.log is None:
            return self.metric
        return ("spancast_refusals_total", {"status": str(self.status)})


class Healthy:
    """A publisher that never stops and a viewer that was there before it."""

    def __init__(self, relay, clip):
        self.viewer = relay.watch(HEALTHY + "?wait=60&slow=catch_up")
        self.published, self.compared = bytearray(), 0
        self.before = mpegts.first_pat(clip.data)  # bytes that no viewer gets
        self.stopping, self.failure = threading.Event(), None
        self.connection = relay.connect()
        self.clip = clip
        self.connection.send_head("PUT", HEALTHY, {"Transfer-Encoding": "chunked"})
        self.thread = threading.Thread(target=self.publish, daemon=True)
        self.thread.start()
        self.check()

    def publish(self):
        try:
            for piece in endless.pieces(self.clip, packets_each=PIECE):
                self.published += piece
                self.connection.send_chunk(piece)
                # About its own pace: nothing depends on it.
                pace = len(piece) * self.clip.seconds / len(self.clip.data)
                if self.stopping.wait(pace):
                    return
        except OSError as error:
            self.failure = error

    def check(self):
        """Waits for what is published from now on, and compares all that came since last time."""
        wanted = len(self.published) - self.before + PIECES_AFTER * PIECE * mpegts.PACKET
        self.viewer.wait_bytes(wanted)
        assert self.failure is None, f"the healthy publisher is cut off: {self.failure!r}"
        end = len(self.viewer.body)
        got = bytes(self.viewer.body[self.compared:end])
        assert got == self.published[self.before + self.compared:self.before + end], (
            f"the healthy stream is damaged between its bytes {self.compared} and {end}")
        self.compared = end

    def close(self):
        self.stopping.set()
        self.thread.join(10)


@dataclasses.dataclass
class Victim:
    relay: relay_module.Relay
    healthy: Healthy


@contextlib.contextmanager
def victim(folder, media, config=None):
    """A relay under a healthy stream, for as long as a module has cases."""
    relay = relay_module.Relay(folder, config or {})
    try:
        healthy = Healthy(relay, media.plain)
        yield Victim(relay, healthy)
        healthy.check()
        healthy.close()
    finally:
        relay.stop()


def attack(target, case):
    """Plays the case against the victim."""
    relay = target.relay
    counter = case.counter()
    before = relay.metric(counter[0], **counter[1]) if counter else 0
    start = len(relay.log)
    with Attacker(relay.http_port, case) as attacker:
        attacker.play()
        if case.log is not None:
            relay.wait_log(f"^(?=.* peer={re.escape(attacker.name)} )(?=.*{case.log})", start)
        if counter:
            client.until(lambda: relay.metric(counter[0], **counter[1]) == before + 1,
                         what=f"{counter} to grow by one from {before}")
    target.healthy.check()
    lines = [line for line in relay.log[start:]
             if f" peer={attacker.name} " in line and ENDINGS.search(line)]
    assert len(lines) == (case.log is not None), f"not one line: {lines}"


class Attacker:
    def __init__(self, port, case):
        self.case = case
        # Where 127.8.9.10 is asked, 127.0.0.1 would ask: so each asks itself.
        self.socket = socket.create_connection((case.address, port), timeout=client.TIMEOUT,
                                               source_address=(case.address, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb")
        host, number = self.socket.getsockname()[:2]
        host = host.removeprefix("::ffff:")  # the relay shows mapped addresses as what they are
        self.name = f"[{host}]:{number}" if ":" in host else f"{host}:{number}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.reader.close()
        self.socket.close()

    def play(self):
        # In a thread: who sends more than the relay will ever read must read meanwhile.
        sender = threading.Thread(target=self.send, daemon=True)
        sender.start()
        self.judge()
        # Now the connection is over, or all was sent.
        sender.join(client.TIMEOUT)
        assert not sender.is_alive(), "the attacker still sends"

    def send(self):
        try:
            if callable(self.case.send):
                self.case.send(self.socket)
            else:
                self.socket.sendall(self.case.send)
        except OSError:
            pass  # it was answered before it had said everything

    def judge(self):
        case = self.case
        if case.status is None:
            try:
                assert self.reader.read() == b"", "an answer where none was due"
            except ConnectionError:
                pass
            return
        if case.interim:
            assert self.reader.readline() == b"HTTP/1.1 100 Continue\r\n"
            assert self.reader.readline() == b"\r\n"
        self.judge_head(self.reader.readline().decode())
        if case.closed:
            # No second answer, and a proper end, not a reset that could overtake the first.
            try:
                assert self.reader.read() == b"", "more than one answer"
            except ConnectionError:
                assert case.flood, "a reset instead of an end"
        else:
            self.socket.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            assert self.reader.readline() == b"HTTP/1.1 200 OK\r\n"

    def judge_head(self, line):
        case = self.case
        wanted = f"{case.version} {case.status} {PHRASES[case.status]}\r\n"
        assert line == wanted, f"{line!r} instead of {wanted!r}"
        fields = {}
        while (line := self.reader.readline().decode()) != "\r\n":
            assert line.endswith("\r\n"), "the head was cut off"
            name, value = line.rstrip("\r\n").split(": ", 1)
            assert name.lower() not in fields, f"{name} came twice"
            fields[name.lower()] = value
        for name, pattern in {**case.fields,
                              **({"connection": "close"} if case.closed else {})}.items():
            assert re.fullmatch(pattern, fields.get(name, "")), f"{name} in {fields}"
        body = self.reader.read(int(fields.get("content-length", 0)))
        assert re.search(case.body, body.decode()), f"{case.body} in {body!r}"


PHRASES = {status.value: status.phrase for status in http.HTTPStatus}
# As RFC 9110 has them since, or Boost.Beast says them.
PHRASES.update({413: "Payload Too Large"})


def upload(head, piece, total):
    """Sends a head and then `piece` until `total` bytes of body are sent."""
    def send(sock):
        sock.sendall(head)
        for _ in range(0, total, len(piece)):
            sock.sendall(piece)
    return send

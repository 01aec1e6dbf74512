"""WebSocket as the tests need it: a client of RFC 6455 that can also be wrong on purpose."""

import base64
import contextlib
import dataclasses
import hashlib
import os
import socket
import time

import client

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
# Codes of RFC 6455, 7.4.1.
NORMAL, GOING_AWAY, PROTOCOL_ERROR, BAD_DATA, TOO_BIG = 1000, 1001, 1002, 1007, 1009
LOST = 1006  # no Close frame came


def xor(data, mask):
    """Masks or unmasks (5.3)."""
    key = (mask * (len(data) // 4 + 1))[:len(data)]
    return (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(len(data), "big")


def frame(opcode, payload=b"", *, fin=True, rsv=0, mask=True, length=None, declared=None):
    """One frame as bytes (5.2). Wrong on demand: `mask` off, reserved bits, a `length` field of 1,
    3 or 9 bytes whatever the length is, another length `declared` than that of the payload."""
    size = len(payload) if declared is None else declared
    form = length or (1 if size < 126 else 3 if size < 65536 else 9)
    mark = 0x80 if mask else 0
    first = bytes([fin << 7 | rsv << 4 | opcode])
    if form == 1:
        head = first + bytes([mark | size])
    else:
        head = first + bytes([mark | (126 if form == 3 else 127)]) + size.to_bytes(form - 1, "big")
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + xor(payload, key)


def close_frame(code=NORMAL, reason=b""):
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


@dataclasses.dataclass(frozen=True)
class Frame:
    fin: bool
    opcode: int
    payload: bytes


class Reader:
    """Bytes in, frames out. A server may not mask (5.1) and we asked for no extension."""

    def __init__(self):
        self.data = bytearray()

    def feed(self, data):
        self.data += data

    def next(self):
        """The next whole frame; None when there is none yet."""
        data = self.data
        if len(data) < 2:
            return None
        assert data[0] & 0x70 == 0, "reserved bits from the relay"
        assert data[1] < 0x80, "a masked frame from the relay"
        size, header = data[1], 2
        if size >= 126:
            header += 2 if size == 126 else 8
            if len(data) < header:
                return None
            size = int.from_bytes(data[2:header], "big")
            assert size >= (126 if header == 4 else 65536), "a length that is too long"
        if len(data) < header + size:
            return None
        found = Frame(data[0] >= 0x80, data[0] & 15, bytes(data[header:header + size]))
        assert found.opcode < 8 or (found.fin and size <= 125), "a control frame that is too long"
        del data[:header + size]
        return found


class Messages:
    """Frames in, messages out: puts fragments together."""

    def __init__(self):
        self.opcode, self.parts = None, []

    def add(self, one):
        """The message that the frame ends, as (opcode, payload); None if it ends none."""
        if one.opcode >= 8:
            return one.opcode, one.payload
        assert (one.opcode == CONTINUATION) == (self.opcode is not None), "fragments in disorder"
        if one.opcode != CONTINUATION:
            self.opcode = one.opcode
        self.parts.append(one.payload)
        if not one.fin:
            return None
        message = self.opcode, b"".join(self.parts)
        self.opcode, self.parts = None, []
        return message


@dataclasses.dataclass(frozen=True)
class Closed:
    """How the relay ended the connection: its Close frame, or LOST without one."""
    code: int
    reason: bytes = b""

    @classmethod
    def read(cls, payload):
        assert len(payload) != 1
        if not payload:
            return cls(1005)
        payload[2:].decode()  # has to be UTF-8
        return cls(int.from_bytes(payload[:2], "big"), payload[2:])


def request(path, *, key, protocol="spancast.v1", method="GET", version="1.1", fields=None):
    """A handshake (4.1); `fields` replaces some of its header fields, None leaves one out."""
    head = {"Host": "127.0.0.1", "Upgrade": "websocket", "Connection": "Upgrade",
            "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": protocol, **(fields or {})}
    lines = [f"{method} {path} HTTP/{version}"]
    lines += [f"{name}: {value}" for name, value in head.items() if value is not None]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def new_key():
    return base64.b64encode(os.urandom(16)).decode()


def accept_of(key):
    digest = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    return base64.b64encode(digest).decode()


class Refused(Exception):
    """The relay answered the handshake with something else than 101."""

    def __init__(self, status, fields, body):
        super().__init__(f"{status} {body!r}")
        self.status, self.fields, self.body = status, fields, body


def check_handshake(head, key, protocol):
    """Judges the head of a 101 (4.2.2)."""
    lines = head.decode().split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:])
    exact = dict(line.split(": ", 1) for line in lines[1:])
    assert lines[0] == "HTTP/1.1 101 Switching Protocols", lines[0]
    assert fields["upgrade"] == "websocket" and fields["connection"] == "upgrade"
    assert accept_of(key) in exact.values(), fields
    assert fields["sec-websocket-protocol"] == protocol
    assert "sec-websocket-extensions" not in fields


def connect(port, path, *, protocol="spancast.v1", timeout=client.TIMEOUT, receive_buffer=None,
            address="127.0.0.1"):
    """A socket behind a handshake, and what came with it; raises Refused, or OSError if lost."""
    sock = socket.socket()
    try:
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(timeout)
        sock.connect((address, port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = new_key()
        sock.sendall(request(path, key=key, protocol=protocol))
        data = bytearray()
        while b"\r\n\r\n" not in data:
            part = sock.recv(65536)
            if not part:
                raise ConnectionError("the connection ended within the handshake")
            data += part
        head, rest = bytes(data).split(b"\r\n\r\n", 1)
        if not head.startswith(b"HTTP/1.1 101 "):
            fields = dict(line.split(": ", 1) for line in head.decode().lower().split("\r\n")[1:])
            size = int(fields.get("content-length", 0))
            while len(rest) < size and (part := sock.recv(65536)):
                rest += part
            raise Refused(int(head.split()[1]), fields, rest)
        check_handshake(head, key, protocol)
        return sock, rest
    except BaseException:
        sock.close()
        raise


class WebSocket:
    """A connection for tests that want each frame in their hand: everything blocks."""

    def __init__(self, port, path, **arguments):
        self.socket, rest = connect(port, path, **arguments)
        self.reader, self.messages = Reader(), Messages()
        self.reader.feed(rest)
        self.answering = True  # pings with pongs

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    @property
    def name(self):
        """As the relay's log calls this peer."""
        return "{}:{}".format(*self.socket.getsockname())

    def send_bytes(self, data):
        self.socket.sendall(data)

    def send(self, payload, opcode=BINARY, *, fragments=1):
        """A message, in so many frames."""
        size = -(-len(payload) // fragments) or 1
        parts = [payload[at:at + size] for at in range(0, len(payload), size)] or [b""]
        for number, part in enumerate(parts):
            self.send_bytes(frame(opcode if number == 0 else CONTINUATION, part,
                                  fin=number == len(parts) - 1))

    def receive(self, *, pongs=False):
        """The next message as (opcode, payload), or Closed; Ping and Pong only with `pongs`."""
        while True:
            while one := self.reader.next():
                message = self.messages.add(one)
                if message is None:
                    continue
                opcode, payload = message
                if opcode == PING:
                    if self.answering:
                        # Who is about to say goodbye may not read it any more.
                        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                            self.send_bytes(frame(PONG, payload))
                    if pongs:
                        return message
                elif opcode == PONG and not pongs:
                    pass
                elif opcode == CLOSE:
                    return Closed.read(payload)
                else:
                    return opcode, payload
            try:
                data = self.socket.recv(1 << 18)
            except ConnectionError:
                return Closed(LOST)
            if not data:
                return Closed(LOST)
            self.reader.feed(data)

    def ping(self, payload=b"?"):
        """Sends a Ping and waits for the Pong; what comes before it is lost."""
        self.send_bytes(frame(PING, payload))
        while (got := self.receive(pongs=True)) != (PONG, payload):
            assert not isinstance(got, Closed), f"{got} instead of a Pong"

    def close(self, code=NORMAL):
        """Ends the connection as RFC 6455 has it; what the relay answered."""
        self.send_bytes(close_frame(code))
        return next(got for got in iter(self.receive, None) if isinstance(got, Closed))

    def until_closed(self):
        """Everything up to the end: (messages, Closed)."""
        found, deadline = [], time.monotonic() + client.TIMEOUT
        while not isinstance(got := self.receive(pongs=True), Closed):
            assert time.monotonic() < deadline, f"it does not end: {found[-3:]}"
            if got[0] not in (PING, PONG):
                found.append(got)
        return found, got

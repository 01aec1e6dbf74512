"""Hundreds of clients in one thread: a selector, and sockets that never block."""

import collections
import dataclasses
import selectors
import socket
import time

import client
import mpegts


@dataclasses.dataclass(eq=False)
class Member:
    """One connection. `received` is everything that came, in order; `end` says how it ended."""
    socket: socket.socket
    unsent: bytes = b""
    received: bytearray = dataclasses.field(default_factory=bytearray)
    end: str = ""      # "fin", "reset", or empty
    batch: int = 0     # the number of the poll in which it ended
    ended_at: float = 0.0

    @property
    def status(self):
        """Of the (first) response; None before it is here."""
        return int(self.received[9:12]) if b"\r\n" in self.received else None

    def split(self):
        """Head and body of its one response."""
        head, _, body = bytes(self.received).partition(b"\r\n\r\n")
        return head, body


class Crowd:
    """`poll()` moves bytes for all; whatever waits for something calls it."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.members = []
        self.batches = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for member in self.members:
            member.socket.close()
        self.selector.close()

    def connect(self, port, request):
        one = Member(socket.create_connection(("127.0.0.1", port), client.TIMEOUT), request)
        one.socket.setblocking(False)
        self.members.append(one)
        self.selector.register(one.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, one)
        return one

    def get(self, port, target):
        return self.connect(port, f"GET {target} HTTP/1.1\r\nHost: h\r\n\r\n".encode())

    def publish(self, port, target):
        return self.connect(port, (f"PUT {target} HTTP/1.1\r\nHost: h\r\n"
                                   "Transfer-Encoding: chunked\r\n\r\n").encode())

    def send(self, member, data):
        """One chunk of a chunked body, unless it has ended or has been answered."""
        if not member.end and not member.received:
            member.unsent += b"%x\r\n%b\r\n" % (len(data), data)
            self.selector.modify(member.socket, selectors.EVENT_READ | selectors.EVENT_WRITE,
                                 member)

    def poll(self, timeout=0.05):
        self.batches += 1
        for key, events in self.selector.select(timeout):
            if events & selectors.EVENT_WRITE:
                self.write(key.data)
            if events & selectors.EVENT_READ:
                self.read(key.data)

    def write(self, member):
        try:
            member.unsent = member.unsent[member.socket.send(member.unsent):]
        except BlockingIOError:
            pass
        except ConnectionError:
            member.unsent = b""  # what was answered before is still to be read
        if not member.unsent and not member.end:
            self.selector.modify(member.socket, selectors.EVENT_READ, member)

    def read(self, member):
        try:
            data = member.socket.recv(1 << 20)
        except BlockingIOError:
            return
        except ConnectionError:
            data, member.end = b"", "reset"
        member.received += data
        if not data:
            member.end = member.end or "fin"
            member.batch, member.ended_at = self.batches, time.monotonic()
            self.selector.unregister(member.socket)

    def until(self, condition, what, between=lambda: None, timeout=client.TIMEOUT):
        """Polls until the condition holds; `between` is called after every poll."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f"no {what} within {timeout} s"
            self.poll()
            between()


def read_chunked(body):
    """The chunks of a whole chunked body; fails if it does not end with its last-chunk."""
    chunks, at = [], 0
    while True:
        line_end = body.index(b"\r\n", at)
        size = int(body[at:line_end].split(b";")[0], 16)
        at = line_end + 2
        assert body[at + size:at + size + 2] == b"\r\n", "a chunk was cut off"
        if size == 0:
            assert len(body) == at + 2, "bytes behind the last-chunk"
            return chunks
        chunks.append(body[at:at + size])
        at += size + 2


def check_viewer(member, published):
    """Ended as HTTP says, between two chunks, with whole packets and no gap."""
    assert member.status == 200 and member.end == "fin", (member.status, member.end)
    chunks = read_chunked(member.split()[1])
    assert all(len(chunk) % mpegts.PACKET == 0 for chunk in chunks), "a packet was cut"
    body = b"".join(chunks)
    # A chunk is a frame, or what was there of it after 10 ms of silence.
    assert len(mpegts.runs(body, published)) == 1, "a gap"


def histogram(times, steps=10):
    """How many lie in each of so many equal parts of their span."""
    first, last = min(times), max(times)
    counts = collections.Counter(
        min(int((at - first) / max(last - first, 1e-9) * steps), steps - 1) for at in times)
    return [counts[step] for step in range(steps)]

"""A TCP proxy that is as bad as a network: it cuts, stalls, delays, and loses one direction.

It runs in a thread of the test and does what the test says, or what a plan made from a seed says:
at which byte of a connection what happens is then the same in every run. Nobody is told more than a
network would tell: a connection that is half-open gets no FIN and no RST, whatever its ends do.
"""

import collections
import contextlib
import dataclasses
import random
import selectors
import socket
import struct
import threading
import time

import client

UP, DOWN = "up", "down"      # client to server, server to client
# What can happen to a connection.
RST, FIN, STALL, DROP_UP, DROP_DOWN, HALF_OPEN, DELAY = (
    "rst", "fin", "stall", "drop up", "drop down", "half-open", "delay")
FLOW = "flow"                # the end of a stall or a delay
FOREVER = 3600.0             # seconds, for a stall that FLOW ends
QUEUE_MAX = 1 << 20          # bytes held for a side that does not read
READ_MAX = 1 << 16


@dataclasses.dataclass(frozen=True)
class Event:
    """What happens to the first connection that has carried so many bytes in that direction."""
    kind: str
    after_bytes: int
    direction: str = DOWN
    seconds: float = 0.0     # of a stall or a delay


def plan(seed, count, *, kinds, bytes_between, directions=(UP, DOWN), seconds=(0.05, 0.4)):
    """`count` events, always the same ones for a seed; each kind as often as the others."""
    rng = random.Random(seed)
    order = [kinds[number % len(kinds)] for number in range(count)]
    rng.shuffle(order)
    return [Event(kind, rng.randint(1, 2 * bytes_between), rng.choice(directions),
                  rng.uniform(*seconds)) for kind in order]


class Side:
    """One direction of a connection: what was read and not yet written."""

    def __init__(self, source, sink):
        self.source, self.sink = source, sink
        self.queue = collections.deque()   # (when it may leave, bytes)
        self.held = 0
        self.carried = 0                   # bytes that were passed on
        self.dropping = False              # reads, and passes nothing on
        self.ended = False                 # the source said FIN
        self.passed_end = False


class Pair:
    """A connection of a client and ours to the server."""

    def __init__(self, front, back):
        self.front, self.back = front, back
        self.sides = {UP: Side(front, back), DOWN: Side(back, front)}
        self.stalled_until = 0.0
        self.delay = 0.0
        self.silent = False    # half-open: whatever one end does, the other learns nothing
        self.finished = False  # both were told FIN
        self.deaf = False      # and nothing is read any more, until the proxy ends

    @property
    def is_over(self):
        return self.silent or self.finished


class Proxy:
    """Listens on `port`; `target`: the server's port, which may change. `events`: see `plan`.

    Events come one after the other: the bytes of each are counted anew on the first connection that
    carries some after the event before it is over. `done`: those that happened.
    """

    def __init__(self, target, events=()):
        self.target = target
        self.events, self.done = collections.deque(events), []
        self.counted = None    # (the connection of the next event, how many bytes are left to it)
        self.pairs = []
        self.changed = threading.Condition(threading.RLock())
        self.stopping = False
        self.refusing = False
        self.accepted = 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.wake_in, self.wake_out = socket.socketpair()
        self.wake_in.setblocking(False)
        self.selector.register(self.wake_in, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # What the test does.

    def happen(self, kind, seconds=0.0):
        """The event befalls every connection there is."""
        with self.changed:
            for pair in list(self.pairs):
                self.apply(pair, kind, seconds)
        self.wake_out.send(b"!")

    def refuse(self, refusing=True):
        """New connections are reset at once."""
        self.refusing = refusing

    def wait_done(self, count, timeout=client.TIMEOUT):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.done) >= count, timeout), (
                f"{len(self.done)} of {count} events happened; next {list(self.events)[:1]}")

    def wait_accepted(self, count, timeout=client.TIMEOUT):
        with self.changed:
            assert self.changed.wait_for(lambda: self.accepted >= count, timeout), (
                f"{self.accepted} of {count} connections came")

    def close(self):
        self.stopping = True
        self.wake_out.send(b"!")
        self.thread.join(10)
        for pair in list(self.pairs):
            self.forget(pair)
        for one in (self.listener, self.wake_in, self.wake_out):
            one.close()
        self.selector.close()

    # In the thread.

    def run(self):
        while not self.stopping:
            ready = self.selector.select(self.patience())
            with self.changed:
                for key, _ in ready:
                    if key.fileobj is self.listener:
                        self.accept()
                    elif key.fileobj is self.wake_in:
                        self.wake_in.recv(4096)
                for pair in list(self.pairs):
                    self.serve(pair)
                for pair in self.pairs:
                    self.watch(pair)
                self.changed.notify_all()

    def patience(self):
        """Seconds until a stall or a delay is over; None if none is."""
        with self.changed:
            now = time.monotonic()
            times = [pair.stalled_until for pair in self.pairs if pair.stalled_until > now]
            times += [side.queue[0][0] for pair in self.pairs for side in pair.sides.values()
                      if side.queue and side.queue[0][0] > now]
        return max(0.0, min(times) - now) if times else None

    def accept(self):
        try:
            front, _ = self.listener.accept()
        except OSError:
            return  # gone already
        try:
            if self.refusing:
                raise OSError("refused")
            back = socket.create_connection(("127.0.0.1", self.target), timeout=client.TIMEOUT)
        except OSError:  # as if there were nobody here either
            abort(front)
            return
        for one in (front, back):
            one.setblocking(False)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.selector.register(one, selectors.EVENT_READ)
        self.pairs.append(Pair(front, back))
        self.accepted += 1

    def serve(self, pair):
        try:
            for direction, side in pair.sides.items():
                if time.monotonic() < pair.stalled_until:
                    return
                self.read(pair, direction, side)
                if pair not in self.pairs:
                    return  # an event ended it
                self.write(pair, side)
            if all(side.ended and (side.passed_end or pair.silent) for side in pair.sides.values()):
                self.forget(pair)
        except OSError:
            # An end was reset: the other is told so too, unless the network tells nothing.
            losing = any(side.dropping for side in pair.sides.values()) and not pair.finished
            if pair.silent or losing:
                self.go_deaf(pair)
            else:
                self.forget(pair, abort)

    def read(self, pair, direction, side):
        while side.held < QUEUE_MAX and not side.ended and not pair.deaf:
            # Exactly up to the byte at which something is to happen.
            limit = self.until_event(pair, direction)
            try:
                data = side.source.recv(READ_MAX if limit is None else min(limit, READ_MAX))
            except BlockingIOError:
                return
            if not data:
                side.ended = True
                return
            if not (side.dropping or pair.silent):
                side.queue.append((time.monotonic() + pair.delay, data))
                side.held += len(data)
            if limit is not None and len(data) == limit:
                self.write(pair, side)  # what came before it arrives
                self.next_event(pair)
                return
            if limit is not None:
                self.counted = pair, limit - len(data)

    def until_event(self, pair, direction):
        """Bytes in this direction until the next event, if it may befall this connection."""
        if not self.events or self.events[0].direction != direction or pair.is_over:
            return None
        if self.counted is None or self.counted[0] not in self.pairs or self.counted[0].is_over:
            self.counted = pair, self.events[0].after_bytes
        return self.counted[1] if self.counted[0] is pair else None

    def next_event(self, pair):
        event = self.events.popleft()
        self.counted = None
        self.apply(pair, event.kind, event.seconds)
        self.done.append(event)

    def write(self, pair, side):
        if pair.silent:
            return
        while side.queue and side.queue[0][0] <= time.monotonic():
            due, data = side.queue[0]
            try:
                sent = side.sink.send(data)
            except BlockingIOError:
                return
            side.carried += sent
            side.held -= sent
            if sent < len(data):
                side.queue[0] = due, data[sent:]
                return
            side.queue.popleft()
        if side.ended and not side.queue and not side.passed_end:
            side.passed_end = True
            if not side.dropping:  # who loses bytes loses the FIN too
                side.sink.shutdown(socket.SHUT_WR)

    def watch(self, pair):
        """What we wait for on both of its sockets."""
        now = time.monotonic()
        for side, other in ((pair.sides[UP], pair.sides[DOWN]), (pair.sides[DOWN], pair.sides[UP])):
            events = 0
            if now >= pair.stalled_until and not pair.deaf:
                if not side.ended and side.held < QUEUE_MAX:
                    events |= selectors.EVENT_READ
                if other.queue and other.queue[0][0] <= now and not pair.silent:
                    events |= selectors.EVENT_WRITE
            known = side.source in self.selector.get_map()
            if known and not events:
                self.selector.unregister(side.source)
            elif known:
                self.selector.modify(side.source, events)
            elif events:
                self.selector.register(side.source, events)

    # What happens to a connection.

    def apply(self, pair, kind, seconds):
        if kind == RST:
            self.forget(pair, abort)
        elif kind == FIN:
            self.finish(pair)
        elif kind == STALL:
            pair.stalled_until = time.monotonic() + seconds
        elif kind == FLOW:
            pair.stalled_until = pair.delay = 0.0
        elif kind in (DROP_UP, DROP_DOWN):
            pair.sides[UP if kind == DROP_UP else DOWN].dropping = True
        elif kind == HALF_OPEN:
            pair.silent = True
        else:
            assert kind == DELAY, kind
            pair.delay = seconds

    def finish(self, pair):
        """FIN to both ends. What they still send is read: otherwise the kernel would say RST."""
        for side in pair.sides.values():
            if not side.passed_end:
                with contextlib.suppress(OSError):  # it was reset meanwhile
                    side.sink.shutdown(socket.SHUT_WR)
            side.dropping = side.passed_end = True
            side.queue.clear()
            side.held = 0
        pair.finished = True

    def go_deaf(self, pair):
        """One end of a half-open connection is gone; the other must not learn it."""
        pair.silent, pair.deaf = True, True
        self.watch(pair)

    def forget(self, pair, end=socket.socket.close):
        self.pairs.remove(pair)
        for one in (pair.front, pair.back):
            if one in self.selector.get_map():
                self.selector.unregister(one)
            end(one)


def abort(sock):
    """Ends a connection with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()

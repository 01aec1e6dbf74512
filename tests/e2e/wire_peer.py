"""What wire cameras and players have in common: connections, one after the other, in a thread."""

import dataclasses
import random
import select
import socket
import struct
import threading
import time

import client
import websocket
import wire_messages

# What to do on Bye (wire.md): these end the client, the others let it connect again.
FINAL = {"ENDED", "UNTIL", "REPLACED", "NOT_ALLOWED", "BAD_TOKEN", "TOO_LARGE", "TOO_MANY_TRACKS"}
# A connection on which nothing came for so long is asked with a Ping, then taken for lost.
QUIET_SECONDS, DEAD_SECONDS = 0.5, 1.5
HANDSHAKE_SECONDS = 2


class Lost(Exception):
    """The connection ended without a Bye, or there was none."""


@dataclasses.dataclass(frozen=True)
class Bye:
    reason: str
    retry_after_ms: int
    detail: str


class Link:
    """Wire messages over one WebSocket, for a thread that also waits for other things."""

    def __init__(self, schema, port, path, receive_buffer):
        self.schema = schema
        try:
            self.socket, rest = websocket.connect(port, path, timeout=HANDSHAKE_SECONDS,
                                                  receive_buffer=receive_buffer)
        except OSError as error:
            raise Lost(f"no connection: {error}") from error
        except websocket.Refused as refused:
            if refused.status == 503:  # full, or about to leave
                raise Lost(f"refused: {refused}") from refused
            raise
        self.socket.setblocking(False)
        self.reader, self.messages = websocket.Reader(), websocket.Messages()
        self.reader.feed(rest)
        self.unsent = bytearray()
        self.heard, self.asked = time.monotonic(), False
        self.closed = None  # the relay's Close frame

    def close(self):
        self.socket.close()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send(self, payload=b"", **message):
        self.send_message(self.schema.pack(payload, **message))

    def send_message(self, data):
        self.unsent += websocket.frame(websocket.BINARY, data)

    def flush(self):
        while self.unsent:
            try:
                sent = self.socket.send(self.unsent[:1 << 16])
            except BlockingIOError:
                return
            except OSError as error:
                raise Lost(f"cannot send: {error}") from error
            del self.unsent[:sent]

    def read(self):
        """What has come: (name, message, payload) each."""
        while True:
            while one := self.reader.next():
                message = self.messages.add(one)
                if message:
                    yield from self.take(*message)
            try:
                data = self.socket.recv(1 << 18)
            except BlockingIOError:
                return
            except OSError as error:
                raise Lost(f"cannot receive: {error}") from error
            if not data:
                raise Lost("the connection ended")
            self.heard, self.asked = time.monotonic(), False
            self.reader.feed(data)

    def take(self, opcode, payload):
        if opcode == websocket.PING:
            self.unsent += websocket.frame(websocket.PONG, payload)
        elif opcode == websocket.CLOSE:
            self.closed = websocket.Closed.read(payload)
            raise Lost(f"closed with {self.closed}")
        elif opcode == websocket.BINARY:
            yield self.schema.unpack(payload)
        else:
            assert opcode == websocket.PONG, f"a message with opcode {opcode}"

    def check_alive(self):
        quiet = time.monotonic() - self.heard
        if quiet > DEAD_SECONDS:
            raise Lost("nothing came, not even a Pong")
        if quiet > QUIET_SECONDS and not self.asked:
            self.asked = True
            self.unsent += websocket.frame(websocket.PING, b"there?")

    def end(self, *, bye=None):
        """Says Bye, if it is given, then closes as RFC 6455 has it, and waits for the relay."""
        self.socket.settimeout(HANDSHAKE_SECONDS)
        if bye:
            self.send(bye=bye)
        self.unsent += websocket.close_frame()
        try:
            self.socket.sendall(self.unsent)
            while self.closed is None and (data := self.socket.recv(1 << 18)):
                self.reader.feed(data)
                while one := self.reader.next():
                    if one.opcode == websocket.CLOSE:
                        self.closed = websocket.Closed.read(one.payload)
        except OSError:
            pass  # the relay may be gone already


class Peer:
    """What camera and player have in common: connections one after the other, in a thread.

    `port`: a number, or a function that gives it anew for each connection. `seed`: of the backoff.
    """

    def __init__(self, port, path, *, schema=None, seed=1, receive_buffer=None):
        self.port, self.path, self.receive_buffer = port, path, receive_buffer
        self.schema = schema or wire_messages.today()
        self.random = random.Random(seed)
        self.changed = threading.Condition()  # guards all that tests look at
        self.token = b""
        self.connections = 0     # on which the relay answered Welcome or Playing
        self.losses = []         # why connections ended
        self.byes = []           # of the relay
        self.ended = False
        self.failure = None      # what the relay must not do
        self.stopping = False
        self.cutting = False
        self.reading = threading.Event()
        self.reading.set()
        self.failures = 0        # connections in a row that were of no use
        self.wake_in, self.wake_out = socket.socketpair()
        self.wake_in.setblocking(False)
        self.wake_out.setblocking(False)
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self):
        self.thread.start()
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()
        if self.failure:
            raise self.failure

    def close(self):
        """Ends it; the relay sees a connection that is lost."""
        self.stopping = True
        self.reading.set()
        self.wake()
        self.thread.join(client.TIMEOUT)

    def cut(self):
        """Loses the connection, with RST; a new one follows."""
        self.cutting = True
        self.wake()

    def wake(self):
        try:
            self.wake_out.send(b"!")
        except OSError:
            pass  # awake anyway

    def wait(self, condition, what, timeout=client.TIMEOUT):
        with self.changed:
            self.changed.wait_for(lambda: condition() or self.ended, timeout)
            assert self.failure is None, f"{self}: {self.failure!r}"
            assert condition(), f"no {what} within {timeout} s, {self}"
        return self

    def wait_end(self, timeout=client.TIMEOUT):
        """Until a Bye has ended it; which."""
        self.wait(lambda: self.ended, "end", timeout)
        return self.byes[-1] if self.byes else None

    def wait_bye(self, count=1, timeout=client.TIMEOUT):
        self.wait(lambda: len(self.byes) >= count, f"Bye number {count}", timeout)
        return self.byes[count - 1]

    def __str__(self):
        return (f"{type(self).__name__} of {self.path}: {self.connections} connections, "
                f"lost by {self.losses[-3:]}, byes {self.byes[-3:]}, {self.failure!r}")

    # In the thread.

    def run(self):
        try:
            while not self.stopping:
                delay = self.connect()
                if delay is None:
                    break
                self.sleep(delay)
        except Exception as error:  # shown where the test waits
            self.failure = error
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def connect(self):
        """One connection from its beginning to its end; seconds until the next, None for never."""
        link = None
        try:
            port = self.port() if callable(self.port) else self.port
            link = Link(self.schema, port, self.path, self.receive_buffer)
            self.on_connected(link)
            while not self.stopping:
                bye = self.turn(link)
                if bye == "left":
                    return None
                if bye:
                    link.end()
                    return self.after(bye)
        except Lost as loss:
            with self.changed:
                self.losses.append(str(loss))
                self.changed.notify_all()
        finally:
            self.on_disconnected()
            if link:
                link.close()
        return self.backoff()

    def turn(self, link):
        if self.cutting:
            self.cutting = False
            link.reset()
            raise Lost("cut by the test")
        if not self.reading.is_set():
            self.reading.wait()
            link.heard = time.monotonic()
        self.on_writable(link)
        link.check_alive()
        link.flush()
        if self.is_done(link):
            link.end(bye=self.schema.Bye(reason=self.schema.Bye.ENDED))
            return "left"
        select.select([link.socket, self.wake_in], [link.socket] if link.unsent else [], [], 0.1)
        self.drain_wake()
        for name, message, payload in link.read():
            if name == "bye":
                reason = wire_messages.name_of(self.schema.Bye.Reason, message.reason)
                return Bye(reason, getattr(message, "retry_after_ms", 0),
                           getattr(message, "detail", b"").decode())
            with self.changed:
                self.on_message(link, name, message, payload)
                self.changed.notify_all()
        return None

    def after(self, bye):
        with self.changed:
            self.byes.append(bye)
            self.changed.notify_all()
        if bye.reason in FINAL:
            return None
        return max(bye.retry_after_ms / 1000, 0 if bye.reason == "DRAIN" else self.backoff())

    def backoff(self):
        self.failures += 1
        return self.random.uniform(0.2, 1) * min(0.05 * 2 ** min(self.failures, 5), 0.5)

    def sleep(self, seconds):
        until = time.monotonic() + seconds
        while not self.stopping and (rest := until - time.monotonic()) > 0:
            select.select([self.wake_in], [], [], rest)
            self.drain_wake()

    def drain_wake(self):
        try:
            while self.wake_in.recv(1024):
                pass
        except BlockingIOError:
            pass

    # Of the role.

    def on_connected(self, link):
        raise NotImplementedError

    def on_message(self, link, name, message, payload):
        raise NotImplementedError

    def on_writable(self, link):
        pass

    def on_disconnected(self):
        pass

    def is_done(self, link):
        return False

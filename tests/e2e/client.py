"""HTTP as the tests need it: raw, so that they decide what is on the wire."""

import json
import socket
import struct
import threading
import time

import mpegts

TIMEOUT = 30


def until(condition, timeout=TIMEOUT, what="the condition"):
    """Waits for something that only polling can show; returns its first true value."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not come true within {timeout} s"
        time.sleep(0.02)


class Response:
    def __init__(self, version, status, reason, headers):
        self.version, self.status, self.reason, self.headers = version, status, reason, headers
        self.body = b""

    @property
    def chunked(self):
        return self.headers.get("transfer-encoding", "").lower() == "chunked"

    def json(self):
        return json.loads(self.body)


class Connection:
    """One HTTP connection over a plain socket."""

    def __init__(self, port, *, receive_buffer=None, timeout=TIMEOUT):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb", buffering=4096)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the connection, also under a thread that is reading from it."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.reader.close()
        self.socket.close()

    def drop(self):
        """The same, and the peer hears of it by RST. A FIN may come while it has something to send and
        no window is open, and a kernel that was asked to shut down opens none any more."""
        if self.socket.fileno() != -1:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def reset(self):
        """Ends the connection with RST instead of FIN; nobody may be reading from it."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.reader.close()
        self.socket.close()

    def send_head(self, method, target, headers=None, version="1.1"):
        lines = [f"{method} {target} HTTP/{version}", "Host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())

    def send_chunk(self, data):
        """One chunk of a chunked body; an empty one ends the body."""
        self.socket.sendall(b"%x\r\n%b\r\n" % (len(data), data))

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def read_head(self):
        line = self.reader.readline().decode()
        assert line.endswith("\r\n"), f"no status line, but {line!r}"
        version, status, reason = line.rstrip("\r\n").split(" ", 2)
        headers = {}
        while True:
            line = self.reader.readline().decode()
            assert line.endswith("\r\n"), "the head was cut off"
            if line == "\r\n":
                return Response(version, int(status), reason, headers)
            name, value = line.rstrip("\r\n").split(":", 1)
            headers[name.lower()] = value.strip()

    def read_response(self, method="GET"):
        response = self.read_head()
        if method == "HEAD" or response.status in (204, 304) or response.status < 200:
            return response
        if response.chunked:
            while chunk := self.read_chunk():
                response.body += chunk
        elif "content-length" in response.headers:
            response.body = self.reader.read(int(response.headers["content-length"]))
        else:
            response.body = self.reader.read()
        return response

    def read_chunk(self):
        """The next chunk, b"" for the last one; None when the connection ended without it."""
        line = self.reader.readline()
        if not line:
            return None
        size = int(line.split(b";")[0], 16)
        data = self.reader.read(size + 2)
        if len(data) < size + 2:
            return None
        assert data.endswith(b"\r\n")
        return data[:size]

    def request(self, method, target, headers=None, version="1.1"):
        self.send_head(method, target, headers, version)
        return self.read_response(method)


def request(port, method, target, headers=None, version="1.1", body=b""):
    """One request on a connection of its own."""
    headers = {"Connection": "close", **(headers or {})}
    with Connection(port) as connection:
        if body:
            headers["Content-Length"] = str(len(body))
        connection.send_head(method, target, headers, version)
        connection.socket.sendall(body)
        return connection.read_response(method)


class Viewer:
    """Watches in a thread. `pause()` stops reading, `rate` limits it to bytes a second."""

    def __init__(self, port, target, *, version="1.1", headers=None, receive_buffer=None, rate=None,
                 half_close=False):
        self.connection = Connection(port, receive_buffer=receive_buffer, timeout=120)
        self.rate = rate
        self.body = bytearray()
        self.response = None
        self.ended = False        # the response is over
        self.complete = False     # and it ended as HTTP says, not cut off
        self.failure = None
        self.changed = threading.Condition()
        self.reading = threading.Event()
        self.reading.set()
        self.connection.send_head("GET", target, headers, version)
        if half_close:
            self.connection.half_close()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            response = self.connection.read_head()
            with self.changed:
                self.response = response
                self.changed.notify_all()
            self.read_body(response)
        except (OSError, ValueError, AssertionError) as error:
            self.failure = error
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def read_body(self, response):
        if "content-length" in response.headers:
            self.body += self.connection.reader.read(int(response.headers["content-length"]))
            self.complete = True
            return
        started = time.monotonic()
        while True:
            self.reading.wait()
            if response.chunked:
                data = self.connection.read_chunk()
                self.complete = data == b""
            else:
                data = self.connection.reader.read1(4096)
                self.complete = data == b""
            if not data:
                return
            with self.changed:
                self.body += data
                self.changed.notify_all()
            if self.rate:
                time.sleep(max(0.0, started + len(self.body) / self.rate - time.monotonic()))

    def pause(self):
        self.reading.clear()

    def resume(self):
        self.reading.set()

    def wait(self, condition, what, timeout=TIMEOUT):
        with self.changed:
            met = self.changed.wait_for(lambda: condition() or self.ended, timeout)
            assert met and condition(), (
                f"no {what} within {timeout} s: {len(self.body)} bytes, ended {self.ended}, "
                f"response {self.response and self.response.status}, {self.failure!r}")
        return self

    def wait_head(self, timeout=TIMEOUT):
        return self.wait(lambda: self.response is not None, "response", timeout).response

    def wait_bytes(self, number, timeout=TIMEOUT):
        return self.wait(lambda: len(self.body) >= number, f"{number} bytes", timeout)

    def wait_end(self, timeout=TIMEOUT):
        return self.wait(lambda: self.ended, "end of the response", timeout)

    def close(self):
        self.reading.set()
        self.connection.drop()
        self.thread.join(10)


class LivePublisher:
    """Sends a clip at `speed` times its own pace, in a thread, as one chunked PUT."""

    def __init__(self, port, target, clip, *, speed=1.0, method="PUT"):
        self.connection = Connection(port)
        self.clip, self.speed = clip, speed
        self.sent = 0
        self.stopping = threading.Event()
        self.response = None
        self.failure = None
        self.connection.send_head(method, target, {"Transfer-Encoding": "chunked"})
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            # A piece of 20 ms is about one frame; the pace is that of the whole clip.
            piece = max(1, round(len(self.clip.data) / self.clip.seconds / 50 / mpegts.PACKET))
            piece *= mpegts.PACKET
            started = time.monotonic()
            try:
                while self.sent < len(self.clip.data):
                    due = started + self.sent / len(self.clip.data) * self.clip.seconds / self.speed
                    if self.stopping.wait(max(0.0, due - time.monotonic())):
                        return
                    data = self.clip.data[self.sent:self.sent + piece]
                    self.connection.send_chunk(data)
                    self.sent += len(data)
                self.connection.send_chunk(b"")
            except ConnectionError:
                pass  # who refuses a body does not read it; the answer says why
            self.response = self.connection.read_response()
        except (OSError, ValueError, AssertionError) as error:
            self.failure = error

    def wait(self, timeout=TIMEOUT):
        """Waits for the end of the clip; returns the relay's response."""
        self.thread.join(timeout)
        assert self.response, f"the publisher was not answered: {self.failure!r}"
        return self.response

    def close(self):
        self.stopping.set()
        self.connection.close()
        self.thread.join(10)

    def reset(self):
        """Ends the connection with a reset, as when the machine behind it is gone."""
        self.stopping.set()
        self.thread.join(10)
        self.connection.reset()

"""A plain port that leads to a TLS one: for clients that do not speak TLS themselves."""

import select
import socket
import ssl
import threading

import door

UNSENT_MAX = 1 << 20  # of each direction; beyond, nothing more is read


class Half:
    """One direction: what was read from one side and not yet taken by the other."""

    def __init__(self):
        self.data, self.ended = bytearray(), False

    def read(self, source):
        while not self.ended and len(self.data) < UNSENT_MAX:
            try:
                data = source.recv(1 << 16)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError:
                data = b""
            self.data += data
            self.ended = not data

    def write(self, target):
        while self.data:
            try:
                del self.data[:target.send(self.data[:1 << 16])]
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError:
                self.ended = True
                self.data.clear()


class TlsTunnel(door.Door):
    """One thread per connection, which may be on one side of TLS only. When one side ends, so does the
    other, once it was given everything."""

    def __init__(self, port, certificate):
        self.port_behind = port
        self.context = ssl.create_default_context(cafile=str(certificate))
        self.context.set_alpn_protocols(["http/1.1"])
        super().__init__()

    def enter(self, connection):
        threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, plain):
        with plain:
            try:
                bare = socket.create_connection(("127.0.0.1", self.port_behind), 10)
                bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                secure = self.context.wrap_socket(bare, server_hostname="localhost")
            except OSError:
                return
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with secure:
                self.pump(plain, secure)

    @staticmethod
    def pump(plain, secure):
        plain.setblocking(False)
        secure.setblocking(False)
        out, back = Half(), Half()
        while True:
            out.read(plain)
            back.read(secure)
            out.write(secure)
            back.write(plain)
            if (out.ended and not out.data) or (back.ended and not back.data):
                return
            if secure.pending() and len(back.data) < UNSENT_MAX:
                continue
            readable = [one for one, half in ((plain, out), (secure, back))
                        if len(half.data) < UNSENT_MAX and not half.ended]
            writable = [one for one, half in ((secure, out), (plain, back)) if half.data]
            select.select(readable, writable, [], 5)

"""A balancer on the fourth layer: hands connections on, each behind a PROXY header."""

import ipaddress
import socket
import struct
import threading

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL, PROXY = 0x20, 0x21


def line(source, port):
    """Version 1."""
    family, destination = ("TCP6", "2001:db8::1") if ":" in source else ("TCP4", "198.51.100.1")
    return f"PROXY {family} {source} {destination} {port} 443\r\n".encode()


def binary(source, port, *, tlvs=b"", command=PROXY):
    """Version 2."""
    address = ipaddress.ip_address(source)
    other = ipaddress.ip_address("2001:db8::1" if address.version == 6 else "198.51.100.1")
    block = address.packed + other.packed + struct.pack("!HH", port, 443) + tlvs
    family = 0x21 if address.version == 6 else 0x11
    return SIGNATURE + struct.pack("!BBH", command, family, len(block)) + block


class Balancer:
    """Listens on `port`; whoever connects is handed on to the relay, behind `header()`."""

    def __init__(self, relay_port, header):
        self.relay_port, self.header = relay_port, header
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Closing alone does not wake who waits in accept().
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.relay_port))
            far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            far.sendall(self.header())
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self.forward, args=(source, target), daemon=True).start()

    @staticmethod
    def forward(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            for one in (source, target):
                one.close()

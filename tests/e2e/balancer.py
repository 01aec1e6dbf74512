"""A balancer on the fourth layer: hands connections on, each behind a PROXY header."""

import ipaddress
import socket
import struct
import threading

import door

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


class Balancer(door.Door):
    """Whoever connects is handed on to the relay, behind `header()`."""

    def __init__(self, relay_port, header):
        self.relay_port, self.header = relay_port, header
        super().__init__()

    def enter(self, connection):
        far = socket.create_connection(("127.0.0.1", self.relay_port))
        far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        far.sendall(self.header())
        for source, target in ((connection, far), (far, connection)):
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

"""An RTSP camera as a process (rtsp_server.py), and a network before it that loses packets."""

import pathlib
import random
import re
import socket
import subprocess
import threading

import client
import door
import tools

SERVER = pathlib.Path(__file__).with_name("rtsp_server.py")
TRANSPORT_PORTS = re.compile(rb"(client_port|server_port)=(\d+)-(\d+)")


class Camera:
    """What it prints is in `lines`; ended with the `with` block."""

    def __init__(self, *arguments):
        self.tool = tools.Tool("/usr/bin/python3", SERVER, *arguments)
        self.lines = []
        self.changed = threading.Condition()
        self.threads = [threading.Thread(target=self.read, daemon=True),
                        threading.Thread(target=self.read_errors, daemon=True)]
        self.errors = []
        for thread in self.threads:
            thread.start()
        self.port = int(self.wait(r"port (\d+)")[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tool.process.kill()
        self.tool.process.wait()
        for thread in self.threads:
            thread.join(10)
        self.tool.process.stdout.close()
        self.tool.process.stderr.close()

    def read(self):
        for line in self.tool.process.stdout:
            with self.changed:
                self.lines.append(line.decode().strip())
                self.changed.notify_all()

    def read_errors(self):
        for line in self.tool.process.stderr:
            self.errors.append(line.decode(errors="replace"))

    def all(self, pattern):
        return [found for line in self.lines if (found := re.fullmatch(pattern, line))]

    def wait(self, pattern, count=1, timeout=client.TIMEOUT):
        """The `count`-th line that matches."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.all(pattern)) >= count, timeout)
            found = self.all(pattern)
        assert len(found) >= count, f"no line {pattern}: {self.lines}\n{''.join(self.errors)}"
        return found[count - 1]

    def url(self, credentials="", port=None):
        return f"rtsp://{credentials}127.0.0.1:{port or self.port}/cam"


class LossyNetwork(door.Door):
    """An RTSP proxy that carries RTP over UDP and loses some of its packets, as a seed says.

    It puts ports of its own into the Transport headers, and sends what comes to them on. It breaks
    the sequence parameter sets of the first `broken_sessions`, but for as many as `good_sets`, and
    sets the marker of each packet with a whole unit if `marks_all`.
    """

    def __init__(self, port, loss=0.0, seed=1, broken_sessions=0, good_sets=0,
                 marks_all=False):
        self.target, self.loss = port, loss
        self.marks_all = marks_all
        self.broken_sessions, self.good_sets = broken_sessions, good_sets
        self.connections = []
        self.played, self.broken = [], 0  # connections that had pictures, in order
        self.random = random.Random(seed)
        self.passed = self.lost = 0
        self.sockets = []
        super().__init__()

    def __exit__(self, *_):
        super().__exit__()
        for one in self.sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()

    def enter(self, connection):
        far = socket.create_connection(("127.0.0.1", self.target))
        self.sockets += [connection, far]
        pairs = []  # of the tracks that were set up on this connection
        self.connections.append(pairs)
        for one, other in ((connection, far), (far, connection)):
            threading.Thread(target=self.carry, args=(one, other, pairs), daemon=True).start()

    def carry(self, one, other, pairs):
        """RTSP: one message after the other."""
        data = b""
        try:
            while received := one.recv(65536):
                data += received
                while b"\r\n\r\n" in data:
                    head, rest = data.split(b"\r\n\r\n", 1)
                    length = re.search(rb"(?i)content-length: *(\d+)", head)
                    size = int(length[1]) if length else 0
                    if len(rest) < size:
                        break
                    head = TRANSPORT_PORTS.sub(lambda found: self.replace(found, pairs), head)
                    other.sendall(head + b"\r\n\r\n" + rest[:size])
                    data = rest[size:]
        except OSError:
            pass
        try:
            other.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def replace(self, found, pairs):
        name, ports = found[1], (int(found[2]), int(found[3]))
        if name == b"server_port":
            pairs[-1].server = ports
            mine = pairs[-1].ports
        else:
            pair = next((one for one in pairs if ports in (one.client, one.ports)), None)
            if pair is None:
                pair = Pair(self, ports, id(pairs))
                pairs.append(pair)
            # The request gets ours, the answer what was asked for.
            mine = pair.client if ports == pair.ports else pair.ports
        return b"%b=%d-%d" % (name, *mine)

    def loses(self):
        is_lost = self.random.random() < self.loss
        self.lost += is_lost
        self.passed += not is_lost
        return is_lost


class Pair:
    """RTP and RTCP of one track."""

    def __init__(self, network, ports, connection):
        self.network, self.client, self.server = network, ports, None
        self.connection, self.sets = connection, 0
        self.sockets = self.bind()
        self.ports = tuple(one.getsockname()[1] for one in self.sockets)
        network.sockets += self.sockets
        for index in (0, 1):
            threading.Thread(target=self.carry, args=(index,), daemon=True).start()

    @staticmethod
    def bind():
        while True:
            first = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            first.bind(("127.0.0.1", 0))
            second = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                second.bind(("127.0.0.1", first.getsockname()[1] + 1))
            except OSError:
                first.close()
                second.close()
                continue
            return first, second

    def carry(self, index):
        while True:
            try:
                data, sender = self.sockets[index].recvfrom(65536)
                if sender is None:  # it was shut down
                    return
                port = sender[1]
                if port in self.client:
                    if self.server:
                        self.sockets[index].sendto(data, ("127.0.0.1", self.server[index]))
                elif index == 1 or not self.network.loses():
                    data = self.damage(data) if index == 0 else data
                    self.sockets[index].sendto(data, ("127.0.0.1", self.client[index]))
            except OSError:
                return

    def damage(self, packet):
        """A set of H.264 (type 7) or H.265 (33), alone in its packet: zeros without an end."""
        if self.network.marks_all and packet[12] & 0x1F < 24:
            packet = packet[:1] + bytes([packet[1] | 0x80]) + packet[2:]
        unit = packet[12:]
        is_h264, is_h265 = unit[0] == 0x67, unit[:2] == b"\x42\1"
        if not (is_h264 or is_h265):
            return packet
        if self.connection not in self.network.played:
            self.network.played.append(self.connection)
        if self.network.played.index(self.connection) >= self.network.broken_sessions:
            return packet
        self.sets += 1
        if self.sets <= self.network.good_sets:
            return packet
        self.network.broken += 1
        zeros = (b"\0\0\3" * len(unit))[:len(unit) - 3]
        return packet[:12] + unit[:2] + zeros + b"\x80"


def is_possible():
    """Whether gst-rtsp-server is there for Python; deploy/install-deps --test installs it."""
    check = "import gi; gi.require_version('GstRtspServer', '1.0')"
    return subprocess.run(["/usr/bin/python3", "-c", check], check=False,
                          capture_output=True).returncode == 0

"""A relay behind HAProxy or nginx, with the shipped files, and clients in curl."""

import dataclasses
import os
import pathlib
import socket
import time

import edge_files

from .counts import resident_bytes, wait_for
from .processes import Failed, SendTimes, Server, cpu_seconds


@dataclasses.dataclass(frozen=True)
class Balancer:
    """What publishers and viewers go through to the relay, and how they speak to it."""
    prefix: str  # of the names of its figures
    title: str
    program: str = ""  # none: they connect to the relay
    secure: bool = False  # TLS and HTTP/2, with curl for clients; else HTTP/1.1
    proxy_protocol: bool = False

    def is_there(self):
        """Whether it can be measured here; else says why not."""
        needed = (self.program, "curl", "openssl") if self.program else ()
        missing = [name for name in needed if not edge_files.has_program(name)]
        if missing:
            print(f"  skipped: {self.title}: {', '.join(missing)} missing "
                  "(deploy/install-deps --test)", flush=True)
        return not missing


NONE = Balancer("balancer_none_", "No balancer")
BALANCERS = (
    Balancer("balancer_haproxy_", "HAProxy", "haproxy"),
    Balancer("balancer_proxy_v2_", "HAProxy with PROXY v2", "haproxy", proxy_protocol=True),
    Balancer("balancer_haproxy_tls_", "HAProxy with TLS and HTTP/2", "haproxy", secure=True),
    Balancer("balancer_nginx_", "nginx", "nginx"),
    Balancer("balancer_nginx_tls_", "nginx with TLS and HTTP/2", "nginx", secure=True))


@dataclasses.dataclass
class Use:
    """What balancer and relay have used until then."""
    at: float
    edge_cpu: float  # seconds, and so is the relay's
    relay_cpu: float
    edge_bytes: int  # resident


def family(pid):
    """A process and its children: nginx works in those."""
    found = [pid]
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue  # it has ended
        if parent == pid:
            found.append(int(path.parent.name))
    return found


class Site:
    """A relay and what is before it, on one core."""

    def __init__(self, bench, balancer, cores=(0,), **relay):
        self.bench, self.balancer = bench, balancer
        http = ", trusted_proxies: [127.0.0.1]" if balancer.program else ""
        if balancer.proxy_protocol:
            http += ", proxy_protocol: required"
        self.relay = bench.start_relay(cores, http=http, **relay)
        self.front = self.relay  # what loads and publishers of the bench are given
        self.secure_port = None
        if balancer.program:
            self.start_edge(cores)

    def start_edge(self, cores):
        self.folder = self.bench.folder / f"edge{self.bench.started}"
        self.folder.mkdir()
        self.certificate = edge_files.make_certificate(self.folder)
        ports, nodes = edge_files.free_ports(3), [self.relay.port] * 2
        variables = {}
        try:
            if self.balancer.program == "nginx":
                command = edge_files.nginx_command(self.folder, ports, nodes)
            else:
                command = edge_files.haproxy_command(self.folder, self.balancer.proxy_protocol)
                variables = edge_files.haproxy_variables(self.folder, ports, nodes)
        except ValueError as why:
            raise Failed(str(why)) from why
        child = self.bench.start(command, cores, variables)
        self.front = Server(child, ports[0], None, None)
        self.secure_port = ports[1]
        wait_for(lambda: self.is_listening(child), 10, f"{self.balancer.program} that listens")

    def is_listening(self, child):
        if child.process.poll() is not None:
            raise Failed(f"{self.balancer.program} does not start: {child.last_words()}")
        try:
            socket.create_connection(("127.0.0.1", self.secure_port), 5).close()
        except ConnectionRefusedError:
            return False
        return True

    def stop(self):
        self.bench.stop(*dict.fromkeys((self.front.child, self.relay.child)))

    def use(self):
        pids = family(self.front.pid) if self.balancer.program else []
        return Use(time.monotonic(), sum(map(cpu_seconds, pids)), cpu_seconds(self.relay.pid),
                   sum(map(resident_bytes, pids)))

    def curl(self, *arguments, **how):
        """A client of the stream, in the protocol of these."""
        if self.balancer.secure:
            where = ["--http2", "--cacert", self.certificate,
                     f"https://127.0.0.1:{self.secure_port}/bench/0.ts"]
        else:
            where = [f"http://127.0.0.1:{self.front.port}/bench/0.ts"]
        return self.bench.start(["curl", "-sSfN", "-o", "/dev/null", *arguments, *where], (1,),
                                **how)


class CurlViewer:
    """Throws away what it gets, and is counted by the kernel."""

    def __init__(self, site):
        self.child = site.curl()

    def received(self):
        """Bytes of the body: all that curl writes."""
        if self.child.process.poll() is not None:
            raise Failed(f"a viewer ended: {self.child.last_words()}")
        fields = pathlib.Path(f"/proc/{self.child.pid}/io").read_text().split()
        return int(fields[fields.index("wchar:") + 1])


class CurlPublisher:
    """What it is given is its body."""

    def __init__(self, site):
        self.child = site.curl("-T", "-", pipes=True)
        self.body = self.child.process.stdin.fileno()
        os.set_blocking(self.body, False)

    def send(self, data, patience=10):
        rest = memoryview(data)
        end = time.monotonic() + patience
        while rest:
            try:
                rest = rest[os.write(self.body, rest):]
            except BlockingIOError:
                if time.monotonic() > end:
                    raise Failed(f"the publisher takes nothing for {patience} s") from None
                time.sleep(0.001)
            except BrokenPipeError:
                raise Failed(f"the publisher ended: {self.child.last_words()}") from None


def published(site):
    return SendTimes(site.front.times / "0.times").bytes

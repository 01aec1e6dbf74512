"""HAProxy and nginx with the files of deploy/, before two nodes, on free ports of the loopback."""

import os
import pathlib
import re
import socket
import subprocess

import pytest

import client
import edge_files
from edge_files import DEPLOY, free_ports, make_certificate  # noqa: F401


class Edge:
    """A proxy in a process group of its own. `nodes`: the ports of two."""

    program = None

    def __init__(self, folder, nodes):
        self.folder, self.nodes = pathlib.Path(folder), nodes
        self.folder.mkdir(exist_ok=True)
        self.certificate = make_certificate(self.folder)
        self.ports = free_ports(3)
        self.http_port, self.https_port, self.metrics_port = self.ports
        self.log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=subprocess.STDOUT, env=self.environment(),
                                        start_new_session=True)
        client.until(self.is_listening, what=f"{self.program} that listens")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        if kind:
            print((self.folder / "log").read_text()[-4000:])

    def environment(self):
        return dict(os.environ)

    def is_listening(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            socket.create_connection(("127.0.0.1", self.https_port), 5).close()
        except ConnectionRefusedError:
            return False
        return True

    def url(self, target):
        return f"https://127.0.0.1:{self.https_port}{target}"


class HAProxy(Edge):
    program = "haproxy"

    def command(self):
        return edge_files.haproxy_command(self.folder)

    def environment(self):
        return {**os.environ, **edge_files.haproxy_variables(self.folder, self.ports, self.nodes)}

    def metrics(self):
        return client.request(self.metrics_port, "GET", "/metrics").body.decode()

    def is_up(self, number):
        """Whether the node, 1 or 2, counts as ready."""
        found = re.search(r'haproxy_server_status\{proxy="relays",server="node%d",state="UP"\} (\d)'
                          % number, self.metrics())
        return found is not None and found[1] == "1"


class Nginx(Edge):
    program = "nginx"

    def command(self):
        return edge_files.nginx_command(self.folder, self.ports, self.nodes)


def missing(program):
    """A mark for tests that need it."""
    return pytest.mark.skipif(not edge_files.has_program(program),
                              reason=f"{program} is missing (deploy/install-deps --test)")

"""HAProxy and nginx with the files of deploy/, before two nodes, on free ports of the loopback.

The shipped file is what runs. HAProxy takes its addresses from variables; in nginx's, addresses and paths
are replaced, each where it stands and nowhere else.
"""

import grp
import os
import pathlib
import pwd
import re
import socket
import subprocess

import pytest

import client
import relay as relay_module

DEPLOY = relay_module.ROOT / "deploy"


def free_ports(count):
    """All at once, so that none is given twice."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def make_certificate(folder):
    """Of `localhost`; the files site.crt and site.key, and both in site.pem."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", folder / "site.key", "-out", folder / "site.crt"],
                   check=True, capture_output=True, timeout=60)
    (folder / "site.pem").write_bytes((folder / "site.crt").read_bytes()
                                      + (folder / "site.key").read_bytes())
    return folder / "site.crt"


class Edge:
    """A proxy in a process group of its own. `nodes`: the ports of two."""

    program = None

    def __init__(self, folder, nodes):
        self.folder, self.nodes = pathlib.Path(folder), nodes
        self.folder.mkdir(exist_ok=True)
        self.certificate = make_certificate(self.folder)
        self.http_port, self.https_port, self.metrics_port = free_ports(3)
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


def same_user():
    """Who is not root cannot become somebody else."""
    if os.geteuid() == 0:
        return {}
    return {"EDGE_USER": pwd.getpwuid(os.geteuid()).pw_name,
            "EDGE_GROUP": grp.getgrgid(os.getegid()).gr_name}


class HAProxy(Edge):
    program = "haproxy"

    def command(self):
        return ["haproxy", "-db", "-f", str(DEPLOY / "haproxy/haproxy.cfg")]

    def environment(self):
        return {**os.environ, **same_user(), "EDGE_HTTP": f"127.0.0.1:{self.http_port}",
                "EDGE_HTTPS": f"127.0.0.1:{self.https_port}",
                "EDGE_METRICS": f"127.0.0.1:{self.metrics_port}", "EDGE_CLIENTS": "2000",
                "EDGE_CERTS": str(self.folder / "site.pem"),
                "NODE1": f"127.0.0.1:{self.nodes[0]}", "NODE2": f"127.0.0.1:{self.nodes[1]}"}

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
        text = (DEPLOY / "nginx/nginx.conf").read_text()
        temporary = "".join(
            f"  {name}_temp_path {self.folder}/{name};\n"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        for old, new in (
                ("listen 80;", f"listen 127.0.0.1:{self.http_port};"),
                ("listen 443 ssl http2;", f"listen 127.0.0.1:{self.https_port} ssl http2;"),
                ("server relay1:8080 ", f"server 127.0.0.1:{self.nodes[0]} "),
                ("server relay2:8080 ", f"server 127.0.0.1:{self.nodes[1]} "),
                ("/etc/nginx/certs/site.crt", f"{self.folder}/site.crt"),
                ("/etc/nginx/certs/site.key", f"{self.folder}/site.key"),
                ("pid /run/nginx.pid;", f"pid {self.folder}/nginx.pid;"),
                ("user www-data;", "user www-data;" if os.geteuid() == 0 else ""),
                ("worker_rlimit_nofile 65536;", "worker_rlimit_nofile 4096;"),
                ("worker_connections 30000;", "worker_connections 2000;"),
                ("http {\n", "http {\n" + temporary)):
            assert text.count(old) == 1, f"{old} stands {text.count(old)} times in nginx.conf"
            text = text.replace(old, new)
        path = self.folder / "nginx.conf"
        path.write_text(text)
        return ["nginx", "-p", str(self.folder), "-e", "stderr", "-c", str(path), "-g",
                "daemon off;"]


def missing(program):
    """A mark for tests that need it."""
    found = any(os.access(os.path.join(folder, program), os.X_OK)
                for folder in [*os.environ["PATH"].split(":"), "/usr/sbin"])
    return pytest.mark.skipif(not found, reason=f"{program} is missing (deploy/install-deps --test)")

"""The files of deploy/haproxy and deploy/nginx, made to run on free ports of the loopback.

The shipped file is what runs. HAProxy takes its addresses from variables; elsewhere text is replaced, each
where it stands and nowhere else. Standard library only: tests/bench measures the same files.
"""

import grp
import os
import pathlib
import pwd
import socket
import subprocess

DEPLOY = pathlib.Path(__file__).resolve().parent.parent.parent / "deploy"


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


def has_program(name):
    return any(os.access(os.path.join(folder, name), os.X_OK)
               for folder in [*os.environ["PATH"].split(":"), "/usr/sbin"])


def replaced(path, pairs):
    """The file's text with each of these replaced, of which each stands there once."""
    text = path.read_text()
    for old, new in pairs:
        if text.count(old) != 1:
            raise ValueError(f"{old} stands {text.count(old)} times in {path}")
        text = text.replace(old, new)
    return text


def same_user():
    """Who is not root cannot become somebody else."""
    if os.geteuid() == 0:
        return {}
    return {"EDGE_USER": pwd.getpwuid(os.geteuid()).pw_name,
            "EDGE_GROUP": grp.getgrgid(os.getegid()).gr_name}


def haproxy_command(folder, proxy_protocol=False):
    """`proxy_protocol`: it says for whom it asks by version 2 of that."""
    path = DEPLOY / "haproxy/haproxy.cfg"
    if proxy_protocol:
        text = replaced(path, [(f'server node{number} "${{NODE{number}}}"',
                                f'server node{number} "${{NODE{number}}}" send-proxy-v2')
                               for number in (1, 2)])
        path = folder / "haproxy.cfg"
        path.write_text(text)
    return ["haproxy", "-db", "-f", str(path)]


def haproxy_variables(folder, ports, nodes):
    """`ports`: of HTTP, HTTPS and metrics; `nodes`: the ports of two relays."""
    http, https, metrics = (f"127.0.0.1:{port}" for port in ports)
    return {**same_user(), "EDGE_HTTP": http, "EDGE_HTTPS": https, "EDGE_METRICS": metrics,
            "EDGE_CLIENTS": "2000", "EDGE_CERTS": str(folder / "site.pem"),
            "NODE1": f"127.0.0.1:{nodes[0]}", "NODE2": f"127.0.0.1:{nodes[1]}"}


def nginx_command(folder, ports, nodes):
    temporary = "".join(f"  {name}_temp_path {folder}/{name};\n"
                        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    text = replaced(DEPLOY / "nginx/nginx.conf", (
        ("listen 80;", f"listen 127.0.0.1:{ports[0]};"),
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{ports[1]} ssl http2;"),
        ("server relay1:8080 ", f"server 127.0.0.1:{nodes[0]} "),
        ("server relay2:8080 ", f"server 127.0.0.1:{nodes[1]} "),
        ("/etc/nginx/certs/site.crt", f"{folder}/site.crt"),
        ("/etc/nginx/certs/site.key", f"{folder}/site.key"),
        ("pid /run/nginx.pid;", f"pid {folder}/nginx.pid;"),
        ("user www-data;", "user www-data;" if os.geteuid() == 0 else ""),
        ("worker_rlimit_nofile 65536;", "worker_rlimit_nofile 4096;"),
        ("worker_connections 30000;", "worker_connections 2000;"),
        ("http {\n", "http {\n" + temporary)))
    path = folder / "nginx.conf"
    path.write_text(text)
    return ["nginx", "-p", str(folder), "-e", "stderr", "-c", str(path), "-g", "daemon off;"]

"""Clients that are slow, silent, gone, too many, or not allowed; their requests may be fine."""

import os
import resource
import selectors
import socket
import struct
import threading

import pytest

import client
import hostile
import tools
from hostile import Case, upload

GET_MISSING = b"GET /live/nobody.ts HTTP/1.1\r\nHost: a\r\n\r\n"
GET_HEALTHY = b"GET /healthy/cam.ts HTTP/1.1\r\nHost: a\r\n\r\n"
PUT_CHUNKED = b"PUT %b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
PUT_LENGTH = b"PUT %b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
SECOND = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def victim(tmp_path_factory, media):
    with hostile.victim(tmp_path_factory.mktemp("peers"), media, {
            "http": {"header_timeout": "700ms"},
            "viewer": {"stall_timeout": "1s", "unsent": "64KiB"},
            "paths": {"v4/*": {"publisher": {"allow": ["127.0.0.0/8"]}},
                      "v6/*": {"publisher": {"allow": ["::1"]}},
                      "mapped/*": {"publisher": {"allow": ["::ffff:127.0.0.1"]}},
                      "far/*": {"publisher": {"allow": ["10.0.0.0/8", "2001:db8::/32"]}},
                      "none/*": {"publisher": {"allow": ["none"]}}}}) as one:
        yield one


def drip(text):
    """One byte at a time, for ever, until the connection is over."""
    def send(sock):
        sock.sendall(text)
        while True:
            sock.sendall(b"x")
            threading.Event().wait(0.02)
    return send


def sequence(*parts):
    """Bytes, one write each; None closes this side."""
    def send(sock):
        for part in parts:
            if part is None:
                sock.shutdown(socket.SHUT_WR)
            else:
                sock.sendall(part)
    return send


def forbidden(name, target, address):
    path = target[1:].rsplit(".", 1)[0]
    return Case(f"{name} publishes {target}", PUT_CHUNKED % target.encode() + b"0\r\n\r\n" + SECOND,
                403, body=f"^this address may not publish {path}\n$",
                log=f'request refused .*status=403 reason="this address may not publish {path}"',
                address=address)


def allowed(name, target, address):
    return Case(f"{name} publishes {target}", PUT_LENGTH % (target.encode(), 0), 200, closed=False,
                body='^{"chunks":0,"bytes":0,', log="publisher ended .*reason=finished",
                metric=("spancast_publisher_ends_total", {"reason": "finished"}), address=address)


SLOW = "the request head took too long"
BUSY = "another publisher is live on healthy/cam"
PEERS = [
    Case("says nothing", b"", None, log=None),
    Case("says blank lines only", b"\r\n\r\n", None, log=None),
    Case("drips its request line", drip(b"G"), 408, body=SLOW),
    Case("drips its fields", drip(b"GET / HTTP/1.1\r\nX: "), 408, body=SLOW),
    forbidden("IPv4", "/far/a.ts", "127.0.0.1"),
    forbidden("IPv6", "/far/b.ts", "::1"),
    forbidden("mapped IPv4", "/far/c.ts", "::ffff:127.0.0.1"),
    forbidden("IPv6", "/v4/d.ts", "::1"),
    forbidden("IPv4", "/v6/e.mp4", "127.0.0.1"),
    forbidden("mapped IPv4", "/v6/f.ts", "::ffff:127.0.0.1"),
    forbidden("IPv6", "/mapped/g.ts", "::1"),
    forbidden("IPv4", "/none/h.ts", "127.0.0.1"),
    allowed("IPv4", "/v4/i.ts", "127.0.0.1"),
    allowed("another IPv4", "/v4/j.ts", "127.8.9.10"),
    allowed("mapped IPv4", "/v4/k.ts", "::ffff:127.0.0.1"),
    allowed("IPv6", "/v6/l.ts", "::1"),
    allowed("IPv4", "/mapped/m.ts", "127.0.0.1"),
    # Refused early while it uploads: the answer is read before the connection is over.
    Case("uploads to a live path", upload(PUT_LENGTH % (b"/healthy/cam.ts", MIB // 2), bytes(65536),
                                          MIB // 2), 409, body=BUSY),
    Case("uploads without end to a live path", upload(
        PUT_LENGTH % (b"/healthy/cam.ts", 1 << 40), bytes(65536), 64 * MIB), 409, body=BUSY,
        flood=True),
    Case("uploads without end where it may not", upload(
        PUT_LENGTH % (b"/far/cam.ts", 1 << 40), bytes(65536), 64 * MIB), 403, flood=True),
    Case("uploads without end in no container", upload(
        PUT_LENGTH % (b"/live/cam.exe", 1 << 40), bytes(65536), 64 * MIB), 415, flood=True),
    Case("uploads without end to no name", upload(
        PUT_LENGTH % (b"/live/../cam.ts", 1 << 40), bytes(65536), 64 * MIB), 400, flood=True),
    Case("sends noise without end", upload(b"\x80\r\n", bytes(65536), 64 * MIB), 400, flood=True),
    Case("waits for 100 Continue of a live path",
         b"PUT /healthy/cam.ts HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n"
         b"Expect: 100-continue\r\n\r\n", 409, body=BUSY),
    Case("publishes without a length", b"PUT /live/a.ts HTTP/1.1\r\nHost: a\r\n\r\n", 411,
         closed=False),
    Case("publishes and is gone half-way", sequence(PUT_CHUNKED % b"/live/n.ts", b"ff\r\nx", None),
         400, log="publisher ended .*reason=truncated",
         metric=("spancast_publisher_ends_total", {"reason": "truncated"})),
    Case("asks for its stream and for more behind it", sequence(
        b"GET /live/nobody.ts?wait=0.3 HTTP/1.1\r\nHost: a\r\n\r\n"), 404, closed=False,
        body="nobody published it in time"),
]


@pytest.mark.parametrize("case", PEERS, ids=lambda case: case.name)
def test_a_hostile_peer(victim, case):
    hostile.attack(victim, case)


def test_a_second_head_has_its_own_time(victim):
    with victim.relay.connect() as connection:
        assert connection.request("GET", "/healthz").status == 200
        connection.socket.sendall(b"GET /healthz HT")
        assert connection.read_response().status == 408
        assert connection.reader.read() == b""
    victim.healthy.check()


def test_a_publisher_that_falls_silent_gives_way(victim, media):
    relay = victim.relay
    with relay.connect() as silent:
        silent.socket.sendall(PUT_CHUNKED % b"/live/silent.ts" + b"bc\r\nhalf a chunk")
        relay.wait_stream("live/silent")
        client.until(lambda: relay.metric("spancast_publishers") == 2, what="the silent publisher")

        def newcomer():
            answer = client.request(relay.http_port, "PUT", "/live/silent.ts",
                                    body=media.plain.data)
            return answer.status != 409 and answer
        assert client.until(newcomer, what="the newcomer's turn").status == 200
        old = silent.read_response()
        assert old.status == 409 and b"another publisher took over" in old.body
        assert silent.reader.read() == b""
    settle(victim)


# What is left of the attackers: nothing.

def settle(target):
    """Waits until only the healthy publisher, its viewer and the question itself are there."""
    relay = target.relay
    client.until(lambda: (relay.metric("spancast_publishers"), relay.metric("spancast_viewers"),
                          relay.metric("spancast_connections")) == (1, 1, 1),
                 what="the end of all others")
    target.healthy.check()


def descriptors(relay):
    return len(os.listdir(f"/proc/{relay.process.pid}/fd"))


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def connect(relay, receive_buffer=None):
    sock = socket.socket()
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(client.TIMEOUT)
    sock.connect(("127.0.0.1", relay.http_port))
    return sock


def read_until(end):
    def read(sock):
        seen = b""
        while end not in seen:
            part = sock.recv(4096)
            assert part, f"the connection ended after {seen}"
            seen += part
    return read


READ_HEAD = read_until(b"\r\n\r\n")
STATES = {
    "connected": [],
    "in a request line": [b"GET /healthy"],
    "in a field": [b"GET /healthy/cam.ts HTTP/1.1\r\nHost:"],
    "behind a head": [GET_HEALTHY],
    "before the response is read": [GET_MISSING],
    "in the head of a response": [GET_HEALTHY, lambda sock: sock.recv(1)],
    "while it watches": [GET_HEALTHY, READ_HEAD, lambda sock: sock.recv(188)],
    "while it watches in HTTP/1.0": [b"GET /healthy/cam.ts HTTP/1.0\r\n\r\n", READ_HEAD],
    "while it waits": [b"GET /live/none.ts?wait=60 HTTP/1.1\r\nHost: a\r\n\r\n"],
    "behind the head of a body": [PUT_CHUNKED % b"/live/reset.ts"],
    "in a chunk size": [PUT_CHUNKED % b"/live/reset.ts", b"f"],
    "in a chunk": [PUT_CHUNKED % b"/live/reset.ts", b"ff\r\nx"],
    "in a body of known length": [PUT_LENGTH % (b"/live/reset.ts", 1000), bytes(188)],
    "waiting for 100 Continue": [
        b"PUT /live/reset.ts HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n"
        b"Expect: 100-continue\r\n\r\n", read_until(b"100 Continue\r\n\r\n")],
    "while a refusal lingers": [b"\x80\r\n\r\n", read_until(b"malformed\n"), b"more"],
    "while it is refused": [PUT_LENGTH % (b"/healthy/cam.ts", 1000), bytes(188)],
    "between two requests": [SECOND, read_until(b"ok\n")],
}


@pytest.mark.parametrize("state", STATES)
def test_a_reset_in_every_state(victim, state):
    for _ in range(5):
        sock = connect(victim.relay)
        for step in STATES[state]:
            if callable(step):
                step(sock)
            else:
                sock.sendall(step)
        reset(sock)
    settle(victim)


@pytest.mark.parametrize("state", ["connected", "in a field", "while it watches", "in a chunk"])
def test_half_open_connections_are_not_kept(victim, state):
    """Nothing more ever comes from them, not even a FIN; nothing is read either."""
    relay = victim.relay
    held = []
    for number in range(10):
        sock = connect(relay, receive_buffer=2048)
        held.append(sock)
        for step in STATES[state]:
            if callable(step):
                step(sock)
            else:
                sock.sendall(step.replace(b"/reset.ts", b"/half%d.ts" % number))
    if state in ("connected", "in a field"):
        settle(victim)  # http.header_timeout
    else:
        # A publisher stays until somebody wants its path, a viewer until its socket is full.
        victim.healthy.check()
    for sock in held:
        reset(sock)
    settle(victim)


def test_viewers_that_never_read_are_closed(victim, media):
    relay = victim.relay
    before = relay.metric("spancast_viewer_ends_total", reason="stalled")
    publisher = relay.publish("/live/heavy.ts", media.heavy)
    relay.wait_stream("live/heavy", lambda stream: int(stream["publisher"].get("bytes", 0)) > 0)
    stalled = [connect(relay, receive_buffer=4096) for _ in range(20)]
    for sock in stalled:
        sock.sendall(b"GET /live/heavy.ts HTTP/1.1\r\nHost: a\r\n\r\n")
    client.until(lambda: relay.metric("spancast_viewer_ends_total", reason="stalled")
                 == before + len(stalled), what="the end of all that stall")
    publisher.close()
    for sock in stalled:
        sock.close()
    settle(victim)


def test_pipelined_requests_are_answered_in_order(victim):
    with victim.relay.connect() as connection:
        connection.socket.sendall(500 * (SECOND + GET_MISSING) + b"\x80\r\n\r\n" + SECOND)
        for _ in range(500):
            assert connection.read_response().status == 200
            assert connection.read_response().status == 404
        assert connection.read_response().status == 400
        assert connection.reader.read() == b""
    settle(victim)


def test_a_request_in_the_body_of_a_viewer_is_not_answered(victim, media):
    """A balancer in front takes it for a body; an answer to it would go to somebody else."""
    relay = victim.relay
    with relay.connect() as viewer:
        viewer.socket.sendall(b"GET /live/short.ts?wait=30 HTTP/1.1\r\nHost: a\r\n"
                              b"Content-Length: %d\r\n\r\n" % len(SECOND) + SECOND)
        assert client.request(relay.http_port, "PUT", "/live/short.ts",
                              body=media.plain.data[:188 * 100]).status == 200
        response = viewer.read_response()
        assert response.status == 200 and response.headers["connection"] == "close"
        assert viewer.reader.read() == b""
    settle(victim)


def test_pipelined_requests_whose_answers_are_not_read(victim):
    """The relay stops reading, and in the end gives the connection up."""
    sock = connect(victim.relay, receive_buffer=4096)
    with pytest.raises(ConnectionError):
        while True:
            sock.sendall(1000 * SECOND)
    sock.close()
    settle(victim)


def test_connects_and_disconnects_in_bursts(victim, pytestconfig):
    relay = victim.relay
    settle(victim)
    before, log = descriptors(relay), len(relay.log)
    ways = [lambda sock: sock.close(), reset,
            lambda sock: (sock.sendall(b"GET /"), reset(sock)),
            lambda sock: (sock.sendall(b"\x80\r\n\r\n"), sock.close()),
            lambda sock: (sock.sendall(GET_HEALTHY), reset(sock))]
    for burst in range(100 if pytestconfig.getoption("--long") else 15):
        for number in range(200):
            ways[(burst + number) % len(ways)](connect(relay))
        victim.healthy.check()
    settle(victim)
    client.until(lambda: descriptors(relay) <= before, what="the end of all descriptors")
    # A flood of bad requests is no flood of lines; all are counted.
    refused = sum("request refused" in line for line in relay.log[log:])
    assert refused < 250, f"{refused} lines about refused requests"


def test_a_flood_of_refusals_is_counted_and_its_lines_are_few(start):
    relay = start({"log": {"level": "info"}})
    with relay.connect() as connection:
        for _ in range(10):
            connection.socket.sendall(100 * GET_MISSING)
            for _ in range(100):
                assert connection.read_response().status == 404
    assert relay.metric("spancast_refusals_total", status="404") == 1000
    left_out = int(relay.wait_log(r"requests refused without a line each count=(\d+)")[1])
    written = sum("request refused" in line for line in relay.log)
    assert written < 200 and left_out + written == 1000


# curl's own view of an early refusal.

@pytest.mark.parametrize("target,status", [
    ("/healthy/cam.ts", 409), ("/far/cam.ts", 403), ("/live/cam.exe", 415), ("/live/cam", 415),
    ("/live/index.ts", 400), ("/healthz", 405)])
@pytest.mark.parametrize("framing", ["Content-Length", "chunked"])
def test_curl_reads_why_its_upload_is_refused(victim, tmp_path, target, status, framing):
    big = tmp_path / "big"
    with open(big, "wb") as file:
        file.truncate(256 * MIB)
    header = ["-H", "Transfer-Encoding: chunked"] if framing == "chunked" else []
    with tools.Tool("curl", "-sS", "-H", "Expect:", *header, "-T", big, "-w", "\n%{http_code}",
                    victim.relay.url(target)) as curl:
        out, _ = curl.result()
    lines = out.decode().splitlines()
    assert lines[-1] == str(status) and len(lines[0]) > 10
    victim.healthy.check()


# The limit of connections.

def read_all(socks):
    """What each of them gets until its end, FIN or RST."""
    answers = {sock: b"" for sock in socks}
    with selectors.DefaultSelector() as selector:
        for sock in socks:
            sock.setblocking(False)
            selector.register(sock, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(client.TIMEOUT)
            assert ready, f"{len(selector.get_map())} connections neither answered nor ended"
            for key, _ in ready:
                try:
                    part = key.fileobj.recv(4096)
                except ConnectionError:
                    part = b""
                answers[key.fileobj] += part
                if not part:
                    selector.unregister(key.fileobj)
    return answers.values()


def try_to_connect(relay, count):
    socks = []
    for _ in range(count):
        sock = connect(relay)
        socks.append(sock)
        try:
            sock.sendall(GET_HEALTHY)
        except ConnectionError:
            pass
    answers = read_all(socks)
    for sock in socks:
        sock.close()
    return answers


def check_limit(tmp_path, media, limit, wave):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if limit + wave + 500 > hard:
        pytest.fail(f"{limit} connections need more than the {hard} descriptors allowed here")
    try:
        with hostile.victim(tmp_path, media, {"http": {"connections": limit,
                                                       "header_timeout": "5m"}}) as target:
            play_limit(target, limit, wave)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def play_limit(target, limit, wave):
    relay = target.relay
    held = [connect(relay) for _ in range(limit - 2)]  # and the healthy publisher and its viewer
    client.until(lambda: relay.metric("spancast_connections") == limit - 2 + 1, what="the limit")
    for _ in range(0, limit, wave):
        for answer in try_to_connect(relay, wave):
            assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n"), answer
            assert b"\r\nRetry-After: 5\r\n" in answer and answer.count(b"HTTP/1.1 ") == 1
        target.healthy.check()
    assert relay.metric("spancast_refused_total") == limit
    # The process works, and is not restarted for being full; but more would be too many.
    assert relay.get("/healthz").status == 200
    assert relay.get("/readyz").status == 503
    for sock in held:
        sock.sendall(SECOND)
    for sock in held:
        read_until(b"\r\n\r\nok\n")(sock)
    # Free again.
    for sock in held:
        sock.close()
    settle(target)
    with relay.connect() as viewer:
        viewer.socket.sendall(GET_HEALTHY)
        assert viewer.read_head().status == 200


def test_twice_as_many_connections_as_the_limit(tmp_path, media):
    check_limit(tmp_path, media, 500, 500)


@pytest.mark.long
def test_20_000_connections_at_a_limit_of_10_000(tmp_path, media):
    check_limit(tmp_path, media, 10_000, 2000)

"""Behind a balancer: whose a connection and a request are, and what is logged of them."""

import re
import signal
import socket
import subprocess

import pytest

import balancer
import client
import recordings
import relay as relay_module
import wire_client
import wire_media

CLIENT, PORT = "192.0.2.7", 56324
NAME = f"{CLIENT}:{PORT}"
GET = b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
ACCESS = {"log": {"access": True, "level": "debug"}}
TRUSTED = {"http": {"trusted_proxies": ["127.0.0.1"]}, **ACCESS}
PROXIED = {"http": {"trusted_proxies": ["127.0.0.1"], "proxy_protocol": "required"}, **ACCESS}


def access_lines(relay, pattern=""):
    return [line for line in relay.log if " access " in line and re.search(pattern, line)]


def wait_access(relay, pattern):
    """The one access line of this kind."""
    relay.wait_log(rf" access .*{pattern}")
    lines = access_lines(relay, pattern)
    assert len(lines) == 1, lines
    return lines[0]


def raw(port, *parts, address="127.0.0.1"):
    """Sends the parts, each as the relay's kernel gets it, and returns all that is answered."""
    with socket.create_connection(("127.0.0.1", port), timeout=client.TIMEOUT,
                                  source_address=(address, 0)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answer = b""
        try:
            for part in parts:
                sock.sendall(part)
            while data := sock.recv(65536):
                answer += data
        except ConnectionError:
            pass
        return answer


@pytest.mark.parametrize("header", [
    balancer.line(CLIENT, PORT),
    balancer.binary(CLIENT, PORT),
    balancer.binary(CLIENT, PORT, tlvs=b"\x04\x00\x03abc\x20\x00\x01x"),
], ids=["v1", "v2", "v2-tlvs"])
def test_the_header_names_the_client(start, header):
    relay = start(PROXIED)
    assert raw(relay.http_port, header + GET).startswith(b"HTTP/1.1 200 OK\r\n")
    for cut in (1, 5, 16, len(header) - 1, len(header), len(header) + 1):
        sent = header + GET
        assert raw(relay.http_port, sent[:cut], sent[cut:]).startswith(b"HTTP/1.1 200 OK\r\n")
    client.until(lambda: len(access_lines(relay, rf"status=200 .* peer={NAME} ")) == 7)


def test_version_1_and_2_carry_ipv6(start):
    relay = start(PROXIED)
    for header in (balancer.line("2001:db8::7", PORT), balancer.binary("2001:db8::7", PORT)):
        assert raw(relay.http_port, header + GET).startswith(b"HTTP/1.1 200 OK\r\n")
    client.until(lambda: len(access_lines(relay, rf"peer=\[2001:db8::7\]:{PORT} ")) == 2)


@pytest.mark.parametrize("header", [
    b"PROXY UNKNOWN\r\n", balancer.SIGNATURE + b"\x20\x00\x00\x00",
    balancer.binary(CLIENT, PORT, command=balancer.LOCAL),
    balancer.SIGNATURE + b"\x21\x31\x00\xd8" + b"/" * 216,
], ids=["unknown", "local", "local-with-addresses", "unix"])
def test_the_proxys_own_connections_are_its_own(start, header):
    relay = start(PROXIED)
    assert raw(relay.http_port, header + GET).startswith(b"HTTP/1.1 200 OK\r\n")
    wait_access(relay, r"peer=127\.0\.0\.1:\d+ ")


@pytest.mark.parametrize("sent, reason", [
    (GET, "the connection does not begin with a PROXY header"),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 99999\r\n" + GET, "the PROXY line is malformed"),
    (b"PROXY UNKNOWN " + b"x" * 200 + b"\r\n" + GET, "the PROXY line is too long"),
    (balancer.SIGNATURE + b"\x21\x11\xff\xff" + GET, "the PROXY header is too long"),
    (balancer.SIGNATURE + b"\x21\x11\x00\x04abcd" + GET, "the PROXY header is too short"),
    (balancer.SIGNATURE + b"\x41\x11\x00\x0c" + GET, "unknown version or command"),
])
def test_what_has_no_header_is_closed(start, sent, reason):
    relay = start(PROXIED)
    assert raw(relay.http_port, sent) == b""
    relay.wait_log(rf"connection refused peer=127\.0\.0\.1:\d+ reason=\".*{reason}")
    assert relay.metric("spancast_proxy_refusals_total") == 1
    assert not access_lines(relay, "healthz")


def test_a_header_that_does_not_come_is_given_up(start):
    relay = start(relay_module.merged(PROXIED, {"http": {"header_timeout": "300ms"}}))
    assert raw(relay.http_port, b"PROXY TCP4 1.2") == b""
    relay.wait_log(r"connection refused .*took too long")


def test_nobody_else_may_speak_it_or_connect(start):
    relay = start(PROXIED)
    for sent in (balancer.line(CLIENT, PORT) + GET, GET, b""):
        start_line = len(relay.log)
        assert raw(relay.http_port, sent, address="127.0.0.2") == b""
        relay.wait_log(r"connection refused peer=127\.0\.0\.2:\d+ "
                       r"reason=\"only http.trusted_proxies may connect\"", start_line)
    assert not access_lines(relay, "healthz")
    assert relay.admin("/healthz").status == 200


def test_without_the_setting_a_header_is_no_request(start):
    relay = start(TRUSTED)
    assert raw(relay.http_port, balancer.line(CLIENT, PORT) + GET).startswith(b"HTTP/1.1 400 ")


def test_a_body_behind_header_and_head_arrives_whole(start, media):
    relay = start(PROXIED)
    data = media.plain.data
    head = f"PUT /live/cam.ts HTTP/1.1\r\nHost: h\r\nContent-Length: {len(data)}\r\n\r\n".encode()
    answer = raw(relay.http_port, balancer.binary(CLIENT, PORT) + head + data[:20000], data[20000:],
                 GET)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n") and f'"bytes":{len(data)},'.encode() in answer
    for event in ("publisher started", "publisher ended"):
        relay.wait_log(rf"{event} stream=live/cam peer={NAME} ")
    line = wait_access(relay, "method=PUT")
    assert " target=/live/cam.ts status=200 " in line and f" received={len(data)} " in line
    wait_access(relay, f"method=GET .*peer={NAME}")


def test_who_may_publish_is_asked_of_the_client(start, media):
    relay = start(relay_module.merged(PROXIED, {"publisher": {"allow": ["192.0.2.0/24"]}}))
    head = b"PUT /live/cam.ts HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    assert raw(relay.http_port, balancer.line("198.51.100.9", PORT) + head).startswith(
        b"HTTP/1.1 403 ")
    relay.wait_log(rf"request refused peer=198\.51\.100\.9:{PORT} status=403 ")
    # As the proxy itself, it is not a client that may.
    assert raw(relay.http_port, b"PROXY UNKNOWN\r\n" + head).startswith(b"HTTP/1.1 403 ")
    assert not raw(relay.http_port, balancer.line(CLIENT, PORT) + head).startswith(
        b"HTTP/1.1 403 ")


@pytest.mark.threads
def test_the_wire_passes_a_balancer(start, wire_clip):
    relay = start(relay_module.merged(PROXIED, {"workers": 2, "publisher": {"grace": "5s"}}))
    with balancer.Balancer(relay.http_port, lambda: balancer.binary(CLIENT, PORT)) as way:
        with wire_media.live(way.port, wire_clip, chunks=20) as (camera, filming), \
                wire_client.Player(way.port, "/live/cam", start={"at_utc_us": 0},
                                   slow="CATCH_UP") as player:
            filming.wait()
            player.wait_chunks(20)
            camera.finish()
    for event in ("publisher started", "publisher ended", "viewer ended"):
        relay.wait_log(rf"{event} stream=live/cam peer={NAME} .*protocol=wire")
    client.until(lambda: len(access_lines(relay, rf"status=101 .* peer={NAME} ")) == 2)


@pytest.mark.threads
def test_a_publisher_that_is_handed_over_keeps_its_client(start, media):
    relay = start(relay_module.merged(
        PROXIED, {"workers": 2, "publisher": {"grace": "10s", "ahead": "1h"}}))
    data = media.plain.data
    for number in range(8):
        head = (f"PUT /live/cam.ts HTTP/1.1\r\nHost: h\r\nX-Request-Id: id-{number}\r\n"
                f"Content-Length: {len(data)}\r\nConnection: close\r\n\r\n").encode()
        answer = raw(relay.http_port, balancer.line("127.0.0.1", 2000 + number) + head + data)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert f"\r\nX-Request-Id: id-{number}\r\n".encode() in answer
        relay.wait_log(rf"publisher ended stream=live/cam peer=127\.0\.0\.1:{2000 + number} ")
        line = wait_access(relay, f"request_id=id-{number} ")
        assert " status=200 " in line and f" peer=127.0.0.1:{2000 + number} " in line


# What proxies on the seventh layer say.

@pytest.mark.parametrize("fields, name", [
    ({"X-Forwarded-For": CLIENT}, CLIENT),
    ({"X-Forwarded-For": "10.0.0.1, 192.0.2.7:99"}, "192.0.2.7:99"),
    ({"X-Forwarded-For": "1.1.1.1, 192.0.2.7, 127.0.0.1"}, CLIENT),
    ({"X-Forwarded-For": "2001:db8::7"}, "2001:db8::7"),
    ({"Forwarded": "for=198.51.100.9, for=192.0.2.7;proto=https;by=127.0.0.1"}, CLIENT),
    ({"Forwarded": 'for="[2001:db8::7]:4711"'}, "[2001:db8::7]:4711"),
    ({"Forwarded": "for=192.0.2.7", "X-Forwarded-For": CLIENT}, CLIENT),
    ({"X-Forwarded-For": "unknown"}, r"127.0.0.1:\d+"),
    ({"Forwarded": "for=_hidden"}, r"127.0.0.1:\d+"),
    ({}, r"127.0.0.1:\d+"),
])
def test_a_trusted_proxy_names_the_client(start, fields, name):
    relay = start(TRUSTED)
    assert relay.get("/healthz", headers=fields).status == 200
    pattern = name if "\\" in name else re.escape(name)
    wait_access(relay, rf"target=/healthz .*peer={pattern} ")


@pytest.mark.parametrize("fields", [
    {"X-Forwarded-For": CLIENT}, {"Forwarded": "for=192.0.2.7"}, {"Forwarded": 'for="'},
    {"X-Forwarded-For": CLIENT, "Forwarded": "for=1.2.3.4"}, {"X-Request-Id": "mine"}])
def test_others_are_not_believed(start, fields):
    relay = start(relay_module.merged(ACCESS, {"http": {"trusted_proxies": ["10.0.0.0/8"]}}))
    response = relay.get("/healthz", headers=fields)
    assert response.status == 200
    assert re.fullmatch("[0-9a-f]{32}", response.headers["x-request-id"])
    line = wait_access(relay, r"target=/healthz .*peer=127\.0\.0\.1:\d+ ")
    assert response.headers["x-request-id"] in line and CLIENT not in line


def test_an_ambiguous_client_is_refused(start):
    relay = start(TRUSTED)
    for fields in ({"X-Forwarded-For": CLIENT, "Forwarded": "for=1.2.3.4"},
                   {"X-Forwarded-For": CLIENT, "Forwarded": 'for=", for=192.0.2.7'}):
        response = relay.get("/healthz", headers=fields)
        assert response.status == 400 and b"Forwarded" in response.body
        relay.wait_log(r"request refused peer=127\.0\.0\.1:\d+ status=400 .*Forwarded")


def test_each_request_of_a_connection_has_its_own_client(start):
    relay = start(TRUSTED)
    with relay.connect() as connection:
        for number in (1, 2, 3):
            target = f"/none/{number}.ts"
            fields = {"X-Forwarded-For": f"192.0.2.{number}"} if number < 3 else {}
            assert connection.request("GET", target, fields).status == 404
            name = rf"192\.0\.2\.{number}" if number < 3 else r"127\.0\.0\.1:\d+"
            relay.wait_log(rf"request refused peer={name} status=404 .*none/{number}")
            wait_access(relay, rf"target={target} status=404 .*peer={name} ")


def test_the_forwarded_client_is_asked_whether_it_may_publish(start):
    relay = start(relay_module.merged(TRUSTED, {"publisher": {"allow": ["192.0.2.0/24"]}}))
    for address, allowed in ((CLIENT, True), ("198.51.100.9", False), ("192.0.2.7, 1.2.3.4", False)):
        response = client.request(relay.http_port, "PUT", "/live/cam.ts", body=bytes(188),
                                  headers={"X-Forwarded-For": address})
        assert (response.status != 403) == allowed
    # Whom the proxy names behind a PROXY header is asked about in turn.
    relay = start(relay_module.merged(PROXIED, {"publisher": {"allow": ["192.0.2.0/24"]}}))
    head = (b"PUT /a.ts HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.7\r\n"
            b"Content-Length: 0\r\nConnection: close\r\n\r\n")
    assert raw(relay.http_port, balancer.line("127.0.0.1", 9) + head).split()[1] != b"403"
    assert raw(relay.http_port, balancer.line("198.51.100.9", 9) + head).split()[1] == b"403"


# Request ids and access lines.

def test_the_id_of_a_request_is_everywhere(start):
    relay = start(TRUSTED)
    response = relay.get("/none.ts", headers={"X-Request-Id": "b1946ac9-2492"})
    assert response.status == 404 and response.headers["x-request-id"] == "b1946ac9-2492"
    relay.wait_log(r"request refused .*request_id=b1946ac9-2492$")
    wait_access(relay, "request_id=b1946ac9-2492 ")
    for insane in ("a b", "a" * 129, 'a"b', "\u00e4"):
        given = relay.get("/none.ts", headers={"X-Request-Id": insane}).headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{32}", given)
        relay.wait_log(rf"request refused .*request_id={given}$")


def test_what_is_no_request_has_an_id_and_a_line(start):
    relay = start(ACCESS)
    answer = raw(relay.http_port, b"nonsense\r\n\r\n").decode()
    given = re.search(r"\r\nX-Request-Id: ([0-9a-f]{32})\r\n", answer)[1]
    relay.wait_log(rf"request refused .*status=400 .*request_id={given}$")
    assert 'method="" target="" status=400 ' in wait_access(relay, given)


def test_each_request_has_one_access_line(start, media):
    relay = start(ACCESS)
    viewer = relay.watch("/live/cam.ts?wait=20", headers={"User-Agent": "VLC/3"})
    relay.wait_waiting(1)
    assert relay.publish("/live/cam.ts", media.plain, speed=4).wait().status == 200
    viewer.wait_end()
    line = wait_access(relay, r"method=GET target=\"/live/cam.ts\?wait=20\" ")
    assert " status=200 " in line and " user_agent=VLC/3" in line
    assert int(re.search(r" bytes=(\d+) ", line)[1]) > len(viewer.body) * 0.9
    assert viewer.response.headers["x-request-id"] in line
    line = wait_access(relay, "method=PUT target=/live/cam.ts ")
    assert f" received={len(media.plain.data)} " in line
    with relay.connect() as connection:  # pipelined, and the last one has no body
        connection.socket.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n" * 3 +
                                  b"HEAD /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        for method in ("GET", "GET", "GET", "HEAD"):
            assert connection.read_response(method).status == 200
    client.until(lambda: len(access_lines(relay, r"GET target=/healthz status=200 bytes=3 ")) == 3)
    wait_access(relay, "method=HEAD target=/healthz status=200 bytes=0 ")


def test_who_leaves_without_an_answer_has_a_line(start):
    relay = start(ACCESS)
    viewer = relay.watch("/none.ts?wait=60")
    relay.wait_waiting(1)
    viewer.close()
    wait_access(relay, r"target=\"/none.ts\?wait=60\" status=0 bytes=0 ")


def test_a_clip_has_one_access_line(start, tmp_path, media):
    relay = start(recordings.config(tmp_path / "root", ACCESS))
    span = recordings.record(relay, media.plain)["spans"][0]
    target = recordings.clip_target(span["from"], span["to"])
    response = relay.get(target, headers={"Range": "bytes=0-99"})
    assert response.status == 206 and len(response.headers["x-request-id"]) == 32
    wait_access(relay, r"clip\.mp4\?from=\S+ status=206 bytes=100 ")


def test_secrets_are_not_logged(start):
    relay = start(ACCESS)
    relay.get("/none.ts?token=hush&wait=0&hush")
    wait_access(relay, r'target="/none\.ts\?\*\*\*&wait=0&\*\*\*" ')
    assert not relay.find_log("hush")


def test_access_lines_are_written_when_they_are_wanted(start):
    relay = start()
    assert len(relay.get("/healthz").headers["x-request-id"]) == 32
    relay.get("/none.ts")
    relay.wait_log("request refused")
    assert not access_lines(relay)


def test_a_variable_switches_access_lines_on(start):
    relay = start(environment={"SPANCAST_LOG_ACCESS": "true"})
    relay.get("/healthz")
    wait_access(relay, "target=/healthz ")


# spancast healthcheck

def healthcheck(*arguments, **more):
    return relay_module.run_once("healthcheck", *arguments, **more)


def test_healthcheck_asks_a_relay_whether_it_is_ready(start):
    relay = start({"drain": {"delay": "5s", "deadline": "20s"}})
    done = healthcheck("--url", relay.url("/readyz"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{relay.url('/readyz')}: 200: ready\n"
    port = {"SPANCAST_HTTP_PORT": str(relay.http_port)}
    assert healthcheck(environment=port).stdout.endswith("/readyz: 200: ready\n")
    assert healthcheck("--live", environment=port).stdout.endswith("/healthz: 200: ok\n")
    relay.signal(signal.SIGTERM)
    relay.wait_log("draining")
    done = healthcheck(environment=port)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("/readyz: 503: the relay is shutting down\n")
    assert healthcheck("--live", environment=port).returncode == 0
    relay.signal(signal.SIGTERM)


def test_healthcheck_asks_the_admin_port_of_a_relay_behind_a_balancer(start, tmp_path):
    relay = start(relay_module.merged(
        PROXIED, {"admin": {"address": "0.0.0.0", "token": "open-sesame"}}))
    config = relay_module.merged(relay.config, {"http": {"port": relay.http_port},
                                                "admin": {"port": relay.admin_port}})
    path = relay_module.write_config(tmp_path, config)
    done = healthcheck("--config", path)
    assert (done.returncode, done.stdout) == (
        0, f"http://127.0.0.1:{relay.admin_port}/readyz: 200: ready\n")
    assert healthcheck("--url", relay.url("/readyz")).returncode == 1
    # Supervisors that know no token may ask for health as well, and for nothing else.
    assert relay.admin("/readyz").status == 200
    assert relay.admin("/metrics").status == 401


def test_healthcheck_says_what_is_wrong():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/readyz"
        done = healthcheck("--url", url, "--timeout", "200ms")
    assert (done.returncode, done.stderr) == (1, f"{url}: no answer in time\n")
    done = healthcheck("--url", url)
    assert (done.returncode, done.stderr) == (1, f"{url}: cannot connect: Connection refused\n")
    for arguments in (["--url", "relay:80"], ["--timeout", "soon"]):
        done = healthcheck(*arguments)
        assert done.returncode == 1 and done.stderr.startswith("spancast: ")
    done = healthcheck(environment={"SPANCAST_HTTP_PORT": "0"})
    assert done.returncode == 1 and "--url" in done.stderr


# What a container may use.

def in_container(folder):
    """What runs a command to which `folder` is what the kernel says of control groups."""
    mount = 'mount --bind "$0" /sys/fs/cgroup && exec "$@"'
    within = ["unshare", "--mount", "sh", "-c", mount, str(folder)]
    if subprocess.run([*within, "true"], check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    return within


def write_limits(folder, cpu_us, memory_bytes):
    """As versions 1 and 2 have them."""
    for name, text in {"cpu.max": f"{cpu_us} 100000", "memory.max": memory_bytes,
                       "cpu/cpu.cfs_quota_us": cpu_us, "cpu/cpu.cfs_period_us": 100000,
                       "memory/memory.limit_in_bytes": memory_bytes}.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(f"{text}\n")


@pytest.mark.parametrize("limit, warned", [(512 << 20, False), ((512 << 20) - 4096, True)])
def test_the_limits_of_a_container_are_respected(start, tmp_path, limit, warned):
    groups = tmp_path / "groups"
    write_limits(groups, 50000, limit)
    relay = start({"workers": "auto", "memory": {"arena": "256MiB"}}, within=in_container(groups))
    relay.wait_log(r"listening .*workers=1 ")
    relay.get("/healthz")
    found = relay.find_log(r"warning +memory\.arena is over half .*limit_bytes=(\d+)")
    assert bool(found) == warned and (not found or int(found[1]) == limit)

"""deploy/haproxy/haproxy.cfg, as it is shipped, before two relays."""

import signal
import subprocess
import time

import pytest

import client
import edge_cases
import edge_crowd
import edges

pytestmark = edges.missing("haproxy")


@pytest.fixture
def site(start, tmp_path):
    with edge_cases.site(start, tmp_path, edges.HAProxy) as one:
        client.until(lambda: one.edge.is_up(1) and one.edge.is_up(2), what="both nodes up")
        yield one


def test_the_file_is_good_without_any_variable(tmp_path):
    edges.make_certificate(tmp_path)
    done = subprocess.run(["haproxy", "-c", "-f", edges.DEPLOY / "haproxy/haproxy.cfg"],
                          env={"PATH": "/usr/sbin:/usr/bin", "EDGE_CERTS": f"{tmp_path}/site.pem"},
                          capture_output=True, text=True, timeout=60, check=False)
    warnings = [line for line in done.stderr.splitlines() if "[WARNING]" in line]
    # There are no nodes of these names here, and it starts all the same.
    assert all("could not resolve address 'relay" in line for line in warnings), done.stderr
    assert done.returncode == 0, done.stderr


def test_all_addresses_of_a_stream_lead_to_one_node(tmp_path):
    edge_cases.check_hash(tmp_path, edges.HAProxy)


def test_bytes_over_tls_and_http_2(site, media):
    edge_cases.check_bytes(site, media)


def test_bytes_over_http_1(site, media):
    edge_cases.check_http_1(site, media)


def test_ffmpeg_over_tls(site, media, tmp_path):
    edge_cases.check_ffmpeg(site, media, tmp_path)


def test_the_wire_over_tls(site, wire_clip):
    edge_cases.check_wire(site, wire_clip)


def test_what_tells_of_one_node_is_not_served(site):
    def status(target):
        return client.request(site.edge.http_port, "GET", target).status
    assert [status(target) for target in ("/healthz", "/api/v1/streams")] == [404, 404]
    assert status("/readyz") == 200
    for node in site.nodes:
        node.signal(signal.SIGTERM)
    client.until(lambda: status("/readyz") == 503, what="an edge without nodes that says so")


def test_a_drain_fails_no_request(site, wire_clip):
    edge_cases.check_drain(site, wire_clip)


def test_a_node_that_is_killed_and_comes_back(site, wire_clip):
    with edge_cases.audience(site, wire_clip) as (films, players, where, asking):
        leaving = edge_cases.kill_and_check(site, films, players, where, asking)
        # Streams stay where they went, although the hash would send new viewers back.
        site.nodes[leaving] = site.start_node(leaving)
        client.until(lambda: site.edge.is_up(leaving + 1), what="the node up again")
        back = time.monotonic()
        asking.targets[:] = [target.split("?")[0] for target in asking.targets]  # nobody waits
        asking.wait_ok_since(back + 0.5, asking.targets, client.TIMEOUT)
        assert not [one for one in asking.failed() if one[0] > back]
        assert site.nodes[leaving].streams() == {}


@pytest.mark.alone
def test_rounds_of_drains_under_load(site, wire_clip, request):
    """As issue 9 has it with --long, briefly without."""
    if request.config.getoption("--long"):
        edge_crowd.check_rounds(site, wire_clip, rounds=5, cameras=10, viewers=500)
    else:
        edge_crowd.check_rounds(site, wire_clip, rounds=1, cameras=3, viewers=24)

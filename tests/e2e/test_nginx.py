"""deploy/nginx/nginx.conf, as it is shipped, before two relays."""

import pytest

import client
import edge_cases
import edges

pytestmark = edges.missing("nginx")


@pytest.fixture
def site(start, tmp_path):
    with edge_cases.site(start, tmp_path, edges.Nginx) as one:
        yield one


def test_all_addresses_of_a_stream_lead_to_one_node(tmp_path):
    edge_cases.check_hash(tmp_path, edges.Nginx)


def test_bytes_over_tls_and_http_2(site, media):
    edge_cases.check_bytes(site, media)


def test_bytes_over_http_1(site, media):
    edge_cases.check_http_1(site, media)


def test_ffmpeg_over_tls(site, media, tmp_path):
    edge_cases.check_ffmpeg(site, media, tmp_path)


def test_the_wire_over_tls(site, wire_clip):
    edge_cases.check_wire(site, wire_clip)


def test_what_tells_of_one_node_is_not_served(site):
    for target, status in (("/healthz", 404), ("/api/v1/streams", 404), ("/readyz", 200)):
        assert client.request(site.edge.http_port, "GET", target).status == status


def test_a_drain_fails_no_request(site, wire_clip):
    edge_cases.check_drain(site, wire_clip)


def test_a_node_that_is_killed(site, wire_clip):
    with edge_cases.audience(site, wire_clip) as (films, players, where, asking):
        edge_cases.kill_and_check(site, films, players, where, asking)

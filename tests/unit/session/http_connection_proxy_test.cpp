#include <doctest/doctest.h>

#include "tests/unit/session/http_connection_rig.hpp"

namespace session {

using Rig = test::ConnectionRig;
using test::get;

namespace {

const std::string line = "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n";

base::Endpoint endpoint(std::string_view text) { return base::parse_endpoint(text).value(); }

}  // namespace

TEST_CASE("a PROXY header names the client wherever the network cuts it") {
  const std::string text = line + get("/cut");
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    CAPTURE(cut);
    Rig rig;
    rig.connection->expect_proxy_header();
    rig.connection->start();
    rig.peer.send(text.substr(0, cut));
    test::run_turns(rig.worker, 2);
    REQUIRE(rig.targets.empty());
    rig.peer.send(text.substr(cut));
    rig.await_text("[/cut]");
    CHECK(rig.connection->peer() == "192.0.2.7:56324");
    CHECK(rig.connection->origin().peer == endpoint("192.0.2.7:56324"));
    CHECK(rig.bad_proxy_headers.empty());
  }
}

TEST_CASE("only the first bytes of a connection are a PROXY header") {
  Rig rig;
  rig.connection->expect_proxy_header();
  rig.connection->start();
  rig.peer.send(line + get("/one"));
  rig.await_text("[/one]");
  rig.peer.send("PROXY TCP4 10.9.9.9 198.51.100.1 56324 443\r\n" + get("/two"));
  test::run_until(rig.worker, [&] { return !rig.refused.empty(); });
  CHECK(rig.targets == std::vector<std::string>{"/one"});
  CHECK(rig.connection->peer() == "192.0.2.7:56324");
}

TEST_CASE("what does not begin with a PROXY header is closed without an answer") {
  Rig rig;
  rig.connection->expect_proxy_header();
  rig.connection->start();
  rig.peer.send(get("/spoofed"));
  rig.await_closed();
  CHECK(rig.targets.empty());
  CHECK(rig.answered.empty());
  CHECK(rig.bad_proxy_headers ==
        std::vector<std::string>{"the connection does not begin with a PROXY header"});
  CHECK(rig.peer.read().empty());
}

TEST_CASE("a PROXY header that does not come is not waited for longer than a head") {
  Rig rig;
  rig.connection->expect_proxy_header();
  rig.connection->start();
  rig.peer.send("PROXY TCP4");
  test::run_turns(rig.worker, 2);
  CHECK_FALSE(rig.connection->on_time(base::monotonic_now()));
  CHECK(rig.connection->on_time(base::monotonic_now() + test::header_timeout));
  CHECK(rig.closed == 1);
  CHECK(rig.bad_proxy_headers == std::vector<std::string>{"the PROXY header took too long"});
}

TEST_CASE("a proxy that closes before its header is complete has only gone") {
  Rig rig;
  rig.connection->expect_proxy_header();
  rig.connection->start();
  rig.peer.send("PROXY TCP4");
  rig.peer.end_sending();
  rig.await_closed();
  CHECK(rig.bad_proxy_headers.empty());
}

TEST_CASE("a connection of the proxy itself stays the proxy's") {
  Rig rig;
  rig.connection->expect_proxy_header();
  const std::string before = rig.connection->peer();
  rig.connection->start();
  rig.peer.send("PROXY UNKNOWN\r\n" + get("/x"));
  rig.await_text("[/x]");
  CHECK(rig.connection->peer() == before);
}

TEST_CASE("a client is that of one request") {
  Rig rig;
  const std::string before = rig.connection->peer();
  std::vector<std::string> peers;
  rig.on_head = [&](HttpConnection& asked) {
    peers.push_back(asked.peer());
    asked.set_client(endpoint("192.0.2.1"));
    peers.push_back(asked.peer());
    asked.respond({200, {}}, "[" + rig.targets.back() + "]");
  };
  rig.connection->start();
  rig.peer.send(get("/one") + get("/two"));
  rig.await_text("[/two]");
  CHECK(peers == std::vector<std::string>{before, "192.0.2.1", before, "192.0.2.1"});
  CHECK(rig.connection->peer() == before);
}

TEST_CASE("the answer has the id of its request and the next one has its own") {
  Rig rig;
  rig.on_head = [&](HttpConnection& asked) {
    if (rig.targets.size() == 1) asked.set_request_id("id-7");
    if (rig.targets.size() == 3) return asked.respond_head({204, {}});
    asked.respond({200, {}}, "[" + rig.targets.back() + "]");
  };
  rig.connection->start();
  rig.peer.send(get("/one"));
  rig.await_text("[/one]");
  CHECK(rig.count("\r\nX-Request-Id: id-7\r\n") == 1);
  rig.peer.send(get("/two"));
  rig.await_text("[/two]");
  CHECK(rig.count("X-Request-Id") == 1);
  rig.peer.send(get("/three"));
  rig.await_text("204 No Content\r\n\r\n");
  CHECK(rig.answered ==
        std::vector<std::pair<unsigned, std::uint64_t>>{{200, 6}, {200, 6}, {204, 0}});
}

TEST_CASE("the answer to HEAD has no bytes and a refused head an answer") {
  Rig rig;
  rig.connection->start();
  rig.peer.send("HEAD /one HTTP/1.1\r\nHost: h\r\n\r\nnonsense\r\n\r\n");
  test::run_until(rig.worker, [&] { return rig.answered.size() == 2; });
  CHECK(rig.answered[0] == std::pair<unsigned, std::uint64_t>{200, 0});
  CHECK(rig.answered[1].first == 400);
  CHECK(rig.answered[1].second > 0);
}

}  // namespace session

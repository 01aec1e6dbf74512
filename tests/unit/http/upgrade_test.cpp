#include "relay/http/upgrade.hpp"

#include <doctest/doctest.h>

#include "relay/http/head_codec.hpp"
#include "relay/http/router.hpp"

namespace http {
namespace {

const std::string good_fields =
    "Host: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Protocol: chat, spancast.v1\r\n";

RequestHead parse(const std::string& line, const std::string& fields = good_fields) {
  const auto head = parse_head(line + "\r\n" + fields + "\r\n");
  REQUIRE(head.has_value());
  return *head;
}

std::string without(const std::string& field) {
  std::string fields = good_fields;
  const std::size_t begin = fields.find(field);
  REQUIRE(begin != std::string::npos);
  return fields.erase(begin, fields.find("\r\n", begin) + 2 - begin);
}

const std::string* find(const UpgradeAnswer& answer, const std::string& name) {
  for (const auto& [field, value] : answer.head.fields) {
    if (field == name) return &value;
  }
  return nullptr;
}

}  // namespace

TEST_CASE("a WebSocket on a stream's name without extension is the wire") {
  const Route routed = route(parse("GET /live/cam?any=thing HTTP/1.1"));
  CHECK(routed.kind == RouteKind::wire);
  CHECK(routed.stream == "live/cam");
  CHECK(route(parse("GET /live/cam.v2 HTTP/1.1")).stream == "live/cam.v2");
}

TEST_CASE("a WebSocket elsewhere is what it would be without") {
  CHECK(route(parse("GET /live/cam.ts HTTP/1.1")).kind == RouteKind::media);
  CHECK(route(parse("GET /healthz HTTP/1.1")).kind == RouteKind::healthz);
  CHECK(route(parse("PUT /live/cam HTTP/1.1", good_fields + "Content-Length: 0\r\n")).status ==
        415);
  CHECK(route(parse("HEAD /live/cam HTTP/1.1")).status == 404);
  CHECK(route(parse("GET /live/cam HTTP/1.1", without("Upgrade: "))).status == 404);
  CHECK(route(parse("GET /live/cam HTTP/1.1", without("Connection: "))).status == 404);
  CHECK(route(parse("GET /live/cam HTTP/1.0")).status == 404);
}

TEST_CASE("names that are none and reserved ones are refused on the wire too") {
  for (const char* target : {"/", "/live/", "//cam", "/.cam", "/a@b", "/api/cam", "/live/hls",
                             "/live/cam/clip", "/a/b/c/d/e/f/g/h/i"}) {
    CAPTURE(target);
    const Route routed = route(parse("GET " + std::string(target) + " HTTP/1.1"));
    CHECK(routed.kind == RouteKind::error);
    CHECK(routed.status == 400);
  }
}

TEST_CASE("the handshake is answered with 101") {
  const UpgradeAnswer answer = answer_upgrade(parse("GET /live/cam HTTP/1.1"));
  REQUIRE(answer.is_accepted());
  CHECK(answer.reason.empty());
  CHECK(write_head(answer.head) ==
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        "Sec-WebSocket-Protocol: spancast.v1\r\n\r\n");
}

TEST_CASE("lines of one field are one list") {
  const auto head =
      parse("GET /live/cam HTTP/1.1",
            without("Sec-WebSocket-Protocol: ") +
                "Sec-WebSocket-Protocol: a\r\nsec-websocket-protocol: spancast.v1\r\n");
  CHECK(answer_upgrade(head).is_accepted());
  const auto twice = parse("GET /live/cam HTTP/1.1",
                           good_fields + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
  CHECK(answer_upgrade(twice).head.status == 400);
}

TEST_CASE("another version of WebSocket is told ours") {
  const std::string fields = without("Sec-WebSocket-Version: ") + "Sec-WebSocket-Version: 8\r\n";
  const UpgradeAnswer answer = answer_upgrade(parse("GET /live/cam HTTP/1.1", fields));
  CHECK(answer.head.status == 426);
  CHECK(!answer.reason.empty());
  REQUIRE(find(answer, "Sec-WebSocket-Version") != nullptr);
  CHECK(*find(answer, "Sec-WebSocket-Version") == "13");
}

TEST_CASE("a handshake without key or our subprotocol is refused") {
  for (const std::string& fields :
       {without("Sec-WebSocket-Key: "), without("Sec-WebSocket-Protocol: "),
        without("Sec-WebSocket-Protocol: ") + "Sec-WebSocket-Protocol: spancast.v2\r\n",
        good_fields + "Content-Length: 3\r\n"}) {
    const UpgradeAnswer answer = answer_upgrade(parse("GET /live/cam HTTP/1.1", fields));
    CHECK(answer.head.status == 400);
    CHECK(!answer.reason.empty());
    CHECK(!answer.is_accepted());
  }
}

}  // namespace http

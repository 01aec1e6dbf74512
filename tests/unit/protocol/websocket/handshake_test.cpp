#include "relay/protocol/websocket/handshake.hpp"

#include <doctest/doctest.h>

#include <array>

namespace websocket {
namespace {

constexpr std::array<std::string_view, 2> ours = {"spancast.v1", "spancast.v2"};
constexpr HandshakeFields good = {"websocket", "13", "dGhlIHNhbXBsZSBub25jZQ==", "spancast.v1"};

base::Error error_of(const HandshakeFields& fields) { return answer(fields, ours).error(); }

std::string_view chosen(std::string_view offered) {
  HandshakeFields fields = good;
  fields.protocols = offered;
  return answer(fields, ours).value().protocol;
}

}  // namespace

TEST_CASE("the accept value is that of the RFC") {  // RFC 6455, 1.3
  CHECK(accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  CHECK(accept_key("x3JJHMbDL1EzLkh9GBhXDw==") == "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
}

TEST_CASE("a good request is answered with its accept value and protocol") {
  const auto result = answer(good, ours);
  REQUIRE(result.has_value());
  CHECK(result->accept == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  CHECK(result->protocol == "spancast.v1");
}

TEST_CASE("an upgrade to something else is told apart") {
  for (const std::string_view upgrade : {"websocket", "WebSocket", "h2c, websocket", " websocket\t",
                                         ",websocket", "WEBSOCKET,h2c"}) {
    CAPTURE(upgrade);
    CHECK(asks_for_websocket(upgrade));
  }
  for (const std::string_view upgrade : {"", "h2c", "websocket/13", "web socket", "websockets",
                                         "xwebsocket", ",", "websocket h2c"}) {
    CAPTURE(upgrade);
    CHECK(!asks_for_websocket(upgrade));
    HandshakeFields fields = good;
    fields.upgrade = upgrade;
    CHECK(error_of(fields) == make_error_code(Errc::not_websocket));
  }
}

TEST_CASE("only version 13 is spoken") {
  for (const std::string_view other : {"", "8", "12", "14", "013", "13, 8", "13,13", "1 3", "x"}) {
    CAPTURE(other);
    HandshakeFields fields = good;
    fields.version = other;
    CHECK(error_of(fields) == make_error_code(Errc::wrong_version));
  }
  HandshakeFields fields = good;
  fields.version = " 13\t";
  CHECK(answer(fields, ours).has_value());
}

TEST_CASE("a key is base64 of sixteen bytes") {
  for (const std::string_view key :
       {"", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ===",
        "dGhlIHNhbXBsZSBub25jZ===", "dGhlIHNhbXBsZSBub25jZQA=", "dGhlIHNhbXBsZSBub25jZQAA",
        "dGhlIHNhbXBsZSBub25jZ-==", "dGhlIHNhbXBsZSBub25j Q==", "dGhlIHNhbXBsZSBub25jZQ==,x",
        "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==", "=Ghs",
        "\xc3\xa4hlIHNhbXBsZSBub25jZQ=="}) {
    CAPTURE(key);
    HandshakeFields fields = good;
    fields.key = key;
    CHECK(error_of(fields) == make_error_code(Errc::bad_key));
  }
  HandshakeFields fields = good;
  fields.key = " AAAAAAAAAAAAAAAAAAAA+/==\t";
  REQUIRE(answer(fields, ours).has_value());
  CHECK(answer(fields, ours)->accept == accept_key("AAAAAAAAAAAAAAAAAAAA+/=="));
}

TEST_CASE("of the protocols offered the first that is ours is taken") {
  CHECK(chosen("spancast.v1") == "spancast.v1");
  CHECK(chosen("spancast.v2, spancast.v1") == "spancast.v2");
  CHECK(chosen("mqtt ,\tspancast.v1") == "spancast.v1");
  CHECK(chosen(",,spancast.v2,") == "spancast.v2");
}

TEST_CASE("without a protocol of ours none is named") {
  for (const std::string_view offered :
       {"", ",", "mqtt", "spancast", "spancast.v10", "Spancast.V1", "spancast.v1;q=1"}) {
    CAPTURE(offered);
    CHECK(chosen(offered).empty());
  }
  CHECK(answer(good, {})->protocol.empty());
}

}  // namespace websocket

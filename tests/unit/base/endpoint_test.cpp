#include "relay/base/endpoint.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <string>
#include <string_view>

namespace base {

TEST_CASE("an endpoint is written as it was read") {
  for (const char* text :
       {"192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]:443", "0.0.0.0:65535", "::"}) {
    CAPTURE(text);
    const auto endpoint = parse_endpoint(text);
    REQUIRE(endpoint);
    CHECK(endpoint->is_known);
    CHECK(to_text(*endpoint) == text);
  }
  CHECK(to_text(parse_endpoint("[2001:db8::1]").value()) == "2001:db8::1");
  CHECK(address_text(parse_endpoint("[2001:db8::1]:443").value()) == "2001:db8::1");
  CHECK(address_text(parse_endpoint("192.0.2.1:80").value()) == "192.0.2.1");
}

TEST_CASE("mapped IPv4 is IPv4") {
  const auto mapped = parse_endpoint("[::ffff:192.0.2.1]:80").value();
  CHECK(mapped.is_ipv4());
  CHECK(mapped == parse_endpoint("192.0.2.1:80").value());
  CHECK_FALSE(parse_endpoint("2001:db8::1").value().is_ipv4());
}

TEST_CASE("what is no endpoint is none") {
  using namespace std::string_view_literals;
  for (const std::string_view text : {""sv,
                                      "?"sv,
                                      "localhost"sv,
                                      "192.0.2"sv,
                                      "192.0.2.256"sv,
                                      "192.0.2.01"sv,
                                      "192.0.2.1:"sv,
                                      "192.0.2.1:0"sv,
                                      "192.0.2.1:080"sv,
                                      "192.0.2.1:65536"sv,
                                      "192.0.2.1:+1"sv,
                                      "192.0.2.1:80 "sv,
                                      " 192.0.2.1"sv,
                                      "192.0.2.1\0"sv,
                                      "2001:db8::1%eth0"sv,
                                      "[2001:db8::1"sv,
                                      "[192.0.2.1]"sv,
                                      "[2001:db8::1]x"sv,
                                      "[2001:db8::1]:"sv,
                                      "[]"sv,
                                      "["sv,
                                      ":80"sv,
                                      "2001:db8::1]:80"sv}) {
    CAPTURE(text);
    CHECK_FALSE(parse_endpoint(text));
  }
}

TEST_CASE("sockets of both families are told and others are not known") {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(80);
  v4.sin_addr.s_addr = htonl(0xc0000201);
  CHECK(to_text(Endpoint::from(reinterpret_cast<const sockaddr&>(v4))) == "192.0.2.1:80");
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(443);
  v6.sin6_addr = in6addr_loopback;
  CHECK(to_text(Endpoint::from(reinterpret_cast<const sockaddr&>(v6))) == "[::1]:443");
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  const Endpoint unknown = Endpoint::from(reinterpret_cast<const sockaddr&>(local));
  CHECK_FALSE(unknown.is_known);
  CHECK_FALSE(unknown.is_ipv4());
  CHECK(to_text(unknown) == "?");
  CHECK(address_text(unknown) == "?");
}

}  // namespace base

#include "relay/http/forwarded.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "relay/http/errc.hpp"

namespace http {
namespace {

RequestHead head_with(std::vector<std::pair<std::string, std::string>> fields) {
  RequestHead head;
  head.fields = std::move(fields);
  return head;
}

/// The hops in one line, the last proxy's first.
std::string text_of(const ForwardedHops& hops) {
  std::string text;
  for (const auto& hop : hops) {
    text += (text.empty() ? "" : " ") + (hop ? to_text(*hop) : std::string("-"));
  }
  return text;
}

std::string forwarded(const std::string& value) {
  const auto hops = read_forwarded(head_with({{"Forwarded", value}}));
  return hops ? text_of(*hops) : hops.error().message();
}

std::string x_forwarded_for(const std::string& value) {
  return text_of(read_x_forwarded_for(head_with({{"X-Forwarded-For", value}})));
}

}  // namespace

TEST_CASE("X-Forwarded-For is a list of addresses in the order of the proxies") {
  CHECK(x_forwarded_for("192.0.2.1") == "192.0.2.1");
  CHECK(x_forwarded_for("192.0.2.1, 10.0.0.1,10.0.0.2") == "10.0.0.2 10.0.0.1 192.0.2.1");
  CHECK(x_forwarded_for("2001:db8::1, [2001:db8::2]:443, 192.0.2.1:80") ==
        "192.0.2.1:80 [2001:db8::2]:443 2001:db8::1");
  CHECK(x_forwarded_for("192.0.2.1, unknown, , \t10.0.0.1 ,") == "10.0.0.1 - 192.0.2.1");
  CHECK(x_forwarded_for("") == "");
  CHECK(x_forwarded_for(std::string(1000, '1')) == "-");
  CHECK(text_of(read_x_forwarded_for(head_with(
            {{"x-forwarded-for", "192.0.2.1"}, {"Host", "h"}, {"X-FORWARDED-FOR", "10.0.0.1"}}))) ==
        "10.0.0.1 192.0.2.1");
}

TEST_CASE("Forwarded says for whom in each of its elements") {
  CHECK(forwarded("for=192.0.2.43") == "192.0.2.43");
  CHECK(forwarded("For=\"[2001:db8:cafe::17]:4711\"") == "[2001:db8:cafe::17]:4711");
  CHECK(forwarded("for=192.0.2.60;proto=http;by=203.0.113.43") == "192.0.2.60");
  CHECK(forwarded("for=192.0.2.43, for=198.51.100.17") == "198.51.100.17 192.0.2.43");
  CHECK(forwarded("for=_hidden, for=_SEVKISEK, for=unknown") == "- - -");
  CHECK(forwarded("for=\"192.0.2.43:_port\",by=1.2.3.4") == "- 192.0.2.43");
  CHECK(forwarded(" for=192.0.2.1 ; host=\"a,b;\\\"c\\\"\" ,, for=\"10.0.0.1\"") ==
        "10.0.0.1 192.0.2.1");
  CHECK(forwarded("for=[2001:db8::1]:80") == "[2001:db8::1]:80");
  CHECK(forwarded("") == "");
  const auto hops =
      read_forwarded(head_with({{"Forwarded", "for=192.0.2.1"}, {"forwarded", "for=10.0.0.1"}}));
  CHECK(text_of(hops.value()) == "10.0.0.1 192.0.2.1");
}

TEST_CASE("a malformed Forwarded is refused and not half believed") {
  const std::string refused = describe(Errc::bad_forwarded);
  for (const char* value :
       {"for=\", for=10.0.0.1", "for=\"a\\", "for", "for=", "=a", "for=a b", "for=a;", "for=a,;",
        "for=a;for=b", "for=a\"b", "for =a", "for= a", "f(r=a", "for=\"a\"b", "for=a=b", ";"}) {
    CAPTURE(value);
    CHECK(forwarded(value) == refused);
  }
}

TEST_CASE("of a long chain the last proxies are kept") {
  std::string list = "192.0.2.1";
  std::string elements = "for=192.0.2.1";
  for (std::size_t hop = 0; hop < forwarded_hops_max; ++hop) {
    list += ",10.0.0." + std::to_string(hop);
    elements += ",for=10.0.0." + std::to_string(hop);
  }
  const auto hops = read_x_forwarded_for(head_with({{"X-Forwarded-For", list}}));
  REQUIRE(hops.size() == forwarded_hops_max);
  CHECK(to_text(*hops.front()) == "10.0.0.31");
  CHECK(to_text(*hops.back()) == "10.0.0.0");
  CHECK(read_forwarded(head_with({{"Forwarded", elements}})).value() == hops);
}

}  // namespace http

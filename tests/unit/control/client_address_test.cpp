#include "relay/control/client_address.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "relay/http/errc.hpp"
#include "relay/http/forwarded.hpp"

namespace control {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

AddressRanges proxies() {
  AddressRanges ranges;
  ranges.add("10.0.0.0/8").value();
  ranges.add("2001:db8:1::/48").value();
  return ranges;
}

std::string client_of(const std::string& peer, Fields fields) {
  http::RequestHead head;
  head.fields = std::move(fields);
  const auto client = client_of(head, base::parse_endpoint(peer).value(), proxies());
  return client ? to_text(*client) : client.error().message();
}

}  // namespace

TEST_CASE("a trusted proxy says on whose behalf it asks") {
  CHECK(client_of("10.0.0.1:5000", {{"X-Forwarded-For", "192.0.2.1"}}) == "192.0.2.1");
  CHECK(client_of("10.0.0.1:5000", {{"Forwarded", "for=\"[2001:db8::9]:80\";proto=https"}}) ==
        "[2001:db8::9]:80");
  CHECK(client_of("[2001:db8:1::5]:5000", {{"X-Forwarded-For", "192.0.2.1"}}) == "192.0.2.1");
  CHECK(client_of("[::ffff:10.0.0.1]:5000", {{"X-Forwarded-For", "192.0.2.1"}}) == "192.0.2.1");
  CHECK(client_of("10.0.0.1:5000", {}) == "10.0.0.1:5000");
}

TEST_CASE("nobody else is believed") {
  CHECK(client_of("192.0.2.66:5000", {{"X-Forwarded-For", "10.0.0.1"}}) == "192.0.2.66:5000");
  CHECK(client_of("192.0.2.66:5000", {{"Forwarded", "for=10.0.0.1"}}) == "192.0.2.66:5000");
  CHECK(client_of("192.0.2.66:5000", {{"Forwarded", "for=\""}}) == "192.0.2.66:5000");
  // What the client of a proxy has sent stands before what the proxy says of it.
  CHECK(client_of("10.0.0.1:5000", {{"X-Forwarded-For", "198.51.100.1, 192.0.2.66"}}) ==
        "192.0.2.66");
  CHECK(client_of("10.0.0.1:5000", {{"Forwarded", "for=198.51.100.1, for=192.0.2.66"}}) ==
        "192.0.2.66");
  http::RequestHead head;
  head.fields = {{"X-Forwarded-For", "192.0.2.1"}};
  const auto peer = base::parse_endpoint("10.0.0.1:5000").value();
  CHECK(client_of(head, peer, AddressRanges()).value() == peer);
  CHECK(client_of(head, base::Endpoint(), AddressRanges::all()).value() == base::Endpoint());
}

TEST_CASE("trusted proxies behind each other are passed over") {
  CHECK(client_of("10.0.0.1:5000",
                  {{"X-Forwarded-For", "1.1.1.1, 192.0.2.1, 10.0.0.9, 10.0.0.8"}}) == "192.0.2.1");
  CHECK(client_of("10.0.0.1:5000", {{"X-Forwarded-For", "10.0.0.9, 10.0.0.8"}}) == "10.0.0.9");
  CHECK(client_of("10.0.0.1:5000", {{"X-Forwarded-For", "192.0.2.1, unknown, 10.0.0.8"}}) ==
        "10.0.0.8");
}

TEST_CASE("a chain without end is not followed for ever") {
  std::string list = "192.0.2.1";
  for (std::size_t hop = 0; hop < http::forwarded_hops_max; ++hop) list += ", 10.0.0.7";
  CHECK(client_of("10.0.0.1:5000", {{"X-Forwarded-For", list}}) == "10.0.0.7");
}

TEST_CASE("both fields have to name the same client") {
  CHECK(client_of("10.0.0.1:5000", {{"X-Forwarded-For", "192.0.2.1"},
                                    {"Forwarded", "for=\"192.0.2.1:99\""}}) == "192.0.2.1:99");
  CHECK(client_of("10.0.0.1:5000",
                  {{"X-Forwarded-For", "192.0.2.1"}, {"Forwarded", "for=10.9.9.9"}}) ==
        describe(Errc::ambiguous_client));
  CHECK(client_of("10.0.0.1:5000",
                  {{"X-Forwarded-For", "192.0.2.1"}, {"Forwarded", "for=\", for=192.0.2.1"}}) ==
        describe(http::Errc::bad_forwarded));
}

}  // namespace control

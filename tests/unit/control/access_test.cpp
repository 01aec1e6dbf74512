#include "relay/control/access.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <initializer_list>

using control::AddressRange;
using control::AddressRanges;
using control::Errc;
using control::IpAddress;

namespace {

AddressRanges ranges(std::initializer_list<const char*> texts) {
  AddressRanges list;
  for (const char* text : texts) REQUIRE(list.add(text).has_value());
  return list;
}

}  // namespace

TEST_CASE("an address is inside of a range when the first bits agree") {
  const auto list = ranges({"10.0.0.0/8", "192.0.2.128/25", "198.51.100.7", "2001:db8::/33"});
  for (const char* inside : {"10.0.0.0", "10.255.255.255", "192.0.2.128", "192.0.2.255",
                             "198.51.100.7", "2001:db8::1", "2001:db8:7fff::"}) {
    CAPTURE(inside);
    CHECK(list.allows(inside));
  }
  for (const char* outside : {"9.255.255.255", "11.0.0.0", "192.0.2.127", "198.51.100.6",
                              "198.51.100.8", "2001:db8:8000::", "2001:db9::", "::1"}) {
    CAPTURE(outside);
    CHECK_FALSE(list.allows(outside));
  }
}

TEST_CASE("an IPv4 client is the same however its address is written") {
  const auto list = ranges({"192.0.2.0/24"});
  CHECK(list.allows("::ffff:192.0.2.1"));
  CHECK(list.allows("::ffff:c000:201"));
  CHECK_FALSE(list.allows("::ffff:192.0.3.1"));
  CHECK_FALSE(list.allows("::192.0.2.1"));  // IPv4-compatible, long gone: an IPv6 address
  CHECK(ranges({"::ffff:192.0.2.0/120"}).allows("192.0.2.77"));
  CHECK_FALSE(ranges({"::ffff:192.0.2.0/120"}).allows("192.0.3.77"));
}

TEST_CASE("a range of one family says nothing about the other") {
  CHECK(ranges({"0.0.0.0/0"}).allows("203.0.113.9"));
  CHECK_FALSE(ranges({"0.0.0.0/0"}).allows("2001:db8::1"));
  CHECK(ranges({"::/0"}).allows("2001:db8::1"));
  CHECK_FALSE(ranges({"::/0"}).allows("203.0.113.9"));
  CHECK_FALSE(ranges({"::/0"}).allows("::ffff:203.0.113.9"));
}

TEST_CASE("all is everybody and none or nothing is nobody") {
  CHECK(AddressRanges::all().allows("203.0.113.9"));
  CHECK(AddressRanges::all().allows("2001:db8::1"));
  CHECK(AddressRanges::all().allows("fe80::1%eth0"));
  CHECK_FALSE(AddressRanges().allows("127.0.0.1"));
  CHECK_FALSE(ranges({"none"}).allows("127.0.0.1"));
  CHECK(ranges({"none", "127.0.0.1"}).allows("127.0.0.1"));
}

TEST_CASE("what is no address is never allowed") {
  for (const char* text : {"", "localhost", "1.2.3", "1.2.3.4.5", "1.2.3.4:80", "[::1]", "%eth0"}) {
    CAPTURE(text);
    CHECK_FALSE(AddressRanges::all().allows(text));
  }
  CHECK_FALSE(AddressRanges::all().allows(std::string_view("1.2.3.4\0x", 9)));
}

TEST_CASE("what is wrong with a range is told") {
  AddressRanges list;
  for (const char* text : {"", "x", "10.0.0/8", "10.0.0.0.0/8", "/8", "All", "fe80::1%eth0"}) {
    CAPTURE(text);
    CHECK(list.add(text).error() == Errc::not_an_address);
  }
  for (const char* text : {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.0/ 8",
                           "10.0.0.0/255.0.0.0", "::/129", "::ffff:10.0.0.0/95", "10.0.0.0/8/8",
                           "::ffff:10.0.0.0/129", "10.0.0.0/99999999999"}) {
    CAPTURE(text);
    CHECK(list.add(text).error() == Errc::bad_prefix_length);
  }
  for (const char* text : {"10.0.0.1/8", "10.0.0.128/24", "2001:db8::1/64", "0.0.0.1/0"}) {
    CAPTURE(text);
    CHECK(list.add(text).error() == Errc::host_bits);
  }
  CHECK(list.add("10.0.0.1/8").error().message() ==
        "the address has bits set behind its prefix length");
}

TEST_CASE("socket addresses are looked up by family") {
  const auto list = ranges({"192.0.2.0/24", "2001:db8::/32"});
  sockaddr_in ipv4{};
  ipv4.sin_family = AF_INET;
  REQUIRE(inet_pton(AF_INET, "192.0.2.9", &ipv4.sin_addr) == 1);
  CHECK(list.allows(reinterpret_cast<const sockaddr&>(ipv4)));

  sockaddr_in6 ipv6{};
  ipv6.sin6_family = AF_INET6;
  REQUIRE(inet_pton(AF_INET6, "2001:db8::9", &ipv6.sin6_addr) == 1);
  CHECK(list.allows(reinterpret_cast<const sockaddr&>(ipv6)));
  REQUIRE(inet_pton(AF_INET6, "::ffff:192.0.2.9", &ipv6.sin6_addr) == 1);
  CHECK(list.allows(reinterpret_cast<const sockaddr&>(ipv6)));
  REQUIRE(inet_pton(AF_INET6, "2001:db9::9", &ipv6.sin6_addr) == 1);
  CHECK_FALSE(list.allows(reinterpret_cast<const sockaddr&>(ipv6)));

  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  CHECK_FALSE(AddressRanges::all().allows(reinterpret_cast<const sockaddr&>(local)));
}

TEST_CASE("loopback addresses are known") {
  for (const char* text : {"127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"}) {
    CAPTURE(text);
    CHECK(IpAddress::parse(text)->is_loopback());
  }
  for (const char* text : {"0.0.0.0", "::", "128.0.0.1", "::2", "2001:db8::1"}) {
    CAPTURE(text);
    CHECK_FALSE(IpAddress::parse(text)->is_loopback());
  }
}

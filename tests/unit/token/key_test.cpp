#include "relay/token/key.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <string>

namespace token {
namespace {

std::string to_hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", std::to_integer<unsigned>(byte));
    text += digits;
  }
  return text;
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

}  // namespace

TEST_CASE("a key is derived as RFC 5869 says") {
  // Appendix A.3: neither salt nor info.
  CHECK(to_hex(Key::derive(std::string(22, '\x0b'), "").bytes()) ==
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
  // By Python's hmac.
  CHECK(to_hex(Key::derive("correct horse battery staple").bytes()) ==
        "23225c122c6cc3ec9a03022d3b06e946c01a5c55b29e13750b83288435421749");
}

TEST_CASE("another use of a secret has another key") {
  const auto key = Key::derive("a secret of some length", "a use");
  CHECK(to_hex(key.bytes()) != to_hex(Key::derive("a secret of some length").bytes()));
  CHECK(to_hex(key.bytes()) != to_hex(Key::derive("a secret of some lengtH", "a use").bytes()));
}

TEST_CASE("a signature is of all bytes and of one key") {
  const Key key = Key::derive("a secret of some length");
  const Signature signature = key.sign(bytes_of("what is signed"));
  CHECK(key.has_signed(bytes_of("what is signed"), signature));
  CHECK_FALSE(key.has_signed(bytes_of("what is signee"), signature));
  CHECK_FALSE(key.has_signed(bytes_of("what is signed "), signature));
  CHECK_FALSE(key.has_signed(bytes_of(""), signature));
  CHECK_FALSE(Key::derive("another secret").has_signed(bytes_of("what is signed"), signature));
  for (std::size_t at = 0; at < signature.size(); ++at) {
    Signature other = signature;
    other[at] ^= std::byte{1};
    CHECK_FALSE(key.has_signed(bytes_of("what is signed"), other));
  }
}

TEST_CASE("there is a previous key only during a rotation") {
  CHECK_FALSE(derive_keys("a secret of some length").previous);
  const Keys keys = derive_keys("a secret of some length", "the one before it");
  REQUIRE(keys.previous);
  CHECK(to_hex(keys.previous->bytes()) == to_hex(Key::derive("the one before it").bytes()));
}

}  // namespace token

#include "relay/token/claims.hpp"

#include <doctest/doctest.h>

namespace token {

TEST_CASE("an id is written and read as hexadecimal digits") {
  Id id;
  for (std::size_t at = 0; at < id.bytes.size(); ++at) id.bytes[at] = std::byte(at * 17);
  CHECK(to_text(id) == "00112233445566778899aabbccddeeff");
  CHECK(parse_id("00112233445566778899aabbccddeeff") == id);
  CHECK(parse_id("00112233445566778899AABBCCDDEEFF") == id);
  for (const char* text :
       {"", "0", "00112233445566778899aabbccddeef", "00112233445566778899aabbccddeeff0",
        "00112233445566778899aabbccddeefg", " 0112233445566778899aabbccddeeff",
        "-1112233445566778899aabbccddeeff"}) {
    CAPTURE(text);
    CHECK(!parse_id(text));
  }
}

TEST_CASE("random ids differ") {
  const Id first = random_id();
  CHECK(first != random_id());
  CHECK(parse_id(to_text(first)) == first);
}

TEST_CASE("a stream is known by its digest") {
  // SHA-256 of "abc", FIPS 180-4.
  CHECK(digest_of("abc")[0] == std::byte{0xba});
  CHECK(digest_of("abc")[31] == std::byte{0xad});
  CHECK(digest_of("live/cam") != digest_of("live/cam2"));
}

}  // namespace token

#include "relay/media/codec/aac.hpp"

#include <doctest/doctest.h>

#include "tests/unit/media/codec/bit_writer.hpp"

namespace {
std::vector<std::byte> adts(unsigned frequency, unsigned channels, unsigned frame_bytes) {
  return test::BitWriter{}
      .bits(0xFFF1, 16)
      .bits(1, 2)
      .bits(frequency, 4)
      .bits(0, 1)
      .bits(channels, 3)
      .bits(0, 4)
      .bits(frame_bytes, 13)
      .bits(0x7FF, 11)
      .bits(0, 2)
      .end();
}
}  // namespace

TEST_CASE("an ADTS header tells rate and channels and length") {
  const auto header = codec::aac::parse_adts(adts(3, 2, 371));
  REQUIRE(header);
  CHECK(header->sample_rate == 48'000);
  CHECK(header->channels == 2);
  CHECK(header->frame_bytes == 371);
  CHECK(codec::aac::parse_adts(adts(4, 7, 8191))->sample_rate == 44'100);
  CHECK(codec::aac::parse_adts(adts(4, 7, 8191))->channels == 8);
}

TEST_CASE("what is no ADTS header is refused") {
  CHECK(!codec::aac::parse_adts({}));
  const auto good = adts(3, 2, 371);
  CHECK(!codec::aac::parse_adts(std::span(good).first(6)));
  CHECK(!codec::aac::parse_adts(std::span(good).subspan(1)));
  CHECK(!codec::aac::parse_adts(adts(13, 2, 371)));
  CHECK(!codec::aac::parse_adts(adts(3, 2, 6)));
}

#include "relay/media/codec/bit_reader.hpp"

#include <doctest/doctest.h>

#include "tests/unit/media/codec/bit_writer.hpp"

TEST_CASE("bits and Exp-Golomb codes come back as written") {
  test::BitWriter out;
  out.bits(5, 3)
      .ue(0)
      .ue(1)
      .ue(254)
      .ue(0x7FFF'FFFE)
      .se(0)
      .se(1)
      .se(-1)
      .se(-77)
      .bits(0xABCD'EF01, 32);
  const auto bytes = out.end();
  codec::BitReader in(bytes);
  CHECK(in.bits(3) == 5);
  CHECK(in.ue() == 0);
  CHECK(in.ue() == 1);
  CHECK(in.ue() == 254);
  CHECK(in.ue() == 0x7FFF'FFFE);
  CHECK(in.se() == 0);
  CHECK(in.se() == 1);
  CHECK(in.se() == -1);
  CHECK(in.se() == -77);
  CHECK(in.bits(32) == 0xABCD'EF01);
  CHECK(in.ok());
}

TEST_CASE("past the end there are zeros and no way back") {
  const auto bytes = test::bytes({0xFF});
  codec::BitReader in(bytes);
  in.skip(9);
  CHECK(!in.ok());
  CHECK(in.bits(1) == 0);
  codec::BitReader again(bytes);
  CHECK(again.bits(9) == 0);
  CHECK(!again.ok());
}

TEST_CASE("an endless code is refused") {
  const std::vector<std::byte> zeros(64);
  codec::BitReader in(zeros);
  CHECK(in.ue() == 0);
  CHECK(!in.ok());
}

#include "relay/media/container/mpegts/stamp.hpp"

#include <doctest/doctest.h>

#include <array>

TEST_CASE("a timestamp is written without touching what stands around its bits") {
  for (const unsigned around : {0x00U, 0xFFU}) {
    for (unsigned bit = 0; bit < 33; ++bit) {
      std::array<std::byte, mpegts::stamp_bytes> bytes;
      bytes.fill(static_cast<std::byte>(around));
      const std::uint64_t stamp = std::uint64_t{1} << bit;
      mpegts::write_stamp(bytes, stamp | std::uint64_t{1} << 40);
      CHECK(mpegts::read_stamp(bytes) == stamp);
      mpegts::write_stamp(bytes, around == 0 ? 0 : ~std::uint64_t{0});
      for (const std::byte byte : bytes) CHECK(byte == static_cast<std::byte>(around));
    }
  }
}

TEST_CASE("a stamp is unwrapped to the nearest value") {
  constexpr std::int64_t range = mpegts::stamp_range;
  static_assert(mpegts::unwrap(5, 0) == 5);
  static_assert(mpegts::unwrap(range - 5, 0) == -5);
  static_assert(mpegts::unwrap(5, 3 * range - 5) == 3 * range + 5);
  static_assert(mpegts::unwrap(-7 * range, range / 4) == 0);
  static_assert(mpegts::unwrap(range / 2, 0) == -range / 2);
  static_assert(mpegts::unwrap(range / 2 - 1, 0) == range / 2 - 1);
}

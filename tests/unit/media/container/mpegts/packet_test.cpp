#include "relay/media/container/mpegts/packet.hpp"

#include <doctest/doctest.h>

#include <array>

namespace {
std::array<std::byte, 188> with_adaptation(std::initializer_list<unsigned> field) {
  std::array<std::byte, 188> bytes{};
  bytes[0] = mpegts::sync_byte;
  bytes[3] = std::byte{0x30};
  std::size_t at = 4;
  for (const unsigned value : field) bytes[at++] = static_cast<std::byte>(value);
  return bytes;
}
bool is_stuffed(std::initializer_list<unsigned> field) {
  const auto bytes = with_adaptation(field);
  return mpegts::Packet(bytes).is_stuffed();
}
}  // namespace

TEST_CASE("stuffing is what an adaptation field has beyond what its flags need") {
  CHECK(is_stuffed({0}));
  CHECK(is_stuffed({1, 0}));
  CHECK(is_stuffed({20, 0}));
  CHECK(!is_stuffed({1, 0x40}));
  CHECK(is_stuffed({2, 0x40}));
  CHECK(!is_stuffed({7, 0x50}));
  CHECK(is_stuffed({8, 0x50}));
  CHECK(!is_stuffed({13, 0x18}));
  CHECK(!is_stuffed({8, 0x14}));
  CHECK(!is_stuffed({5, 0x02, 3, 9, 9, 9}));
  CHECK(is_stuffed({6, 0x02, 3, 9, 9, 9, 0xFF}));
  CHECK(!is_stuffed({8, 0x03, 3, 9, 9, 9, 2, 0, 0}));
  CHECK(is_stuffed({9, 0x03, 3, 9, 9, 9, 2, 0, 0, 0xFF}));
}

TEST_CASE("a broken adaptation field is no stuffing and no payload is read behind it") {
  CHECK(!is_stuffed({184, 0}));
  CHECK(!is_stuffed({1, 0x02, 3}));
  CHECK(!is_stuffed({3, 0x03, 250, 9}));
  const auto bytes = with_adaptation({255});
  CHECK(mpegts::Packet(bytes).payload().empty());
  const auto whole = with_adaptation({183});
  CHECK(mpegts::Packet(whole).payload().empty());
  const auto one = with_adaptation({182});
  CHECK(mpegts::Packet(one).payload().size() == 1);
}

#include "relay/protocol/websocket/mask.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

namespace websocket {
namespace {

// RFC 6455, 5.3, to the letter.
void unmask_plainly(std::span<std::byte> bytes, MaskKey key, std::uint64_t at) {
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] ^= key[(at + i) % 4];
}

constexpr MaskKey key = {std::byte{0x37}, std::byte{0xfa}, std::byte{0x21}, std::byte{0x3d}};

std::vector<std::byte> make_bytes(std::size_t count) {
  std::vector<std::byte> bytes(count);
  std::uint32_t value = 1;
  for (std::byte& byte : bytes) {
    value = value * 1664525 + 1013904223;
    byte = static_cast<std::byte>(value >> 24);
  }
  return bytes;
}

}  // namespace

TEST_CASE("unmasking is that of the RFC at every alignment and length and place in the frame") {
  const std::vector<std::byte> source = make_bytes(160);
  for (std::size_t from = 0; from < 17; ++from) {
    for (std::size_t size = 0; size <= 100; ++size) {
      for (std::uint64_t at = 0; at < 9; ++at) {
        auto fast = source;
        auto plain = source;
        unmask(std::span(fast).subspan(from, size), key, at);
        unmask_plainly(std::span(plain).subspan(from, size), key, at);
        REQUIRE(fast == plain);  // the bytes around it too
      }
    }
  }
}

TEST_CASE("unmasking piece by piece is unmasking at once") {
  const std::vector<std::byte> source = make_bytes(100);
  auto whole = source;
  unmask(whole, key, 0);
  for (std::size_t cut = 0; cut <= source.size(); ++cut) {
    auto pieces = source;
    unmask(std::span(pieces).first(cut), key, 0);
    unmask(std::span(pieces).subspan(cut), key, cut);
    REQUIRE(pieces == whole);
  }
}

TEST_CASE("a place beyond 32 bits keeps its turn of the key") {
  const std::vector<std::byte> source = make_bytes(20);
  auto fast = source;
  auto plain = source;
  unmask(fast, key, (std::uint64_t{1} << 62) + 3);
  unmask_plainly(plain, key, 3);
  CHECK(fast == plain);
}

TEST_CASE("masking twice gives the bytes back") {
  const std::vector<std::byte> source = make_bytes(65536 + 5);
  auto bytes = source;
  unmask(bytes, key, 2);
  CHECK(bytes != source);
  unmask(bytes, key, 2);
  CHECK(bytes == source);
}

}  // namespace websocket

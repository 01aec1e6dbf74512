#include "relay/protocol/websocket/mask.hpp"

namespace websocket {
namespace {

// A vector that may lie anywhere and over anything, so that payload needs neither alignment nor a
// memcpy into a register.
constexpr std::size_t lanes_bytes = 16;
typedef std::uint8_t Lanes __attribute__((vector_size(lanes_bytes), aligned(1), may_alias));

}  // namespace

void unmask(std::span<std::byte> bytes, MaskKey key, std::uint64_t at) noexcept {
  std::array<std::byte, lanes_bytes> keys;
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = key[(at + i) % key.size()];
  const Lanes key_lanes = *reinterpret_cast<const Lanes*>(keys.data());

  std::byte* byte = bytes.data();
  std::byte* const end = byte + bytes.size();
  for (; end - byte >= static_cast<std::ptrdiff_t>(lanes_bytes); byte += lanes_bytes) {
    *reinterpret_cast<Lanes*>(byte) ^= key_lanes;
  }
  for (std::size_t i = 0; byte != end; ++i, ++byte) *byte ^= keys[i];
}

}  // namespace websocket

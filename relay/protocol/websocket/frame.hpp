#pragma once

#include <cstddef>
#include <cstdint>

namespace websocket {

// A frame (RFC 6455, 5.2). The mask is there in frames from the client and only there.
//
//   FIN RSV1-3 opcode(4) | MASK length(7) | length(16 or 64) | key(32) | payload
//
// The length is in the byte's seven bits up to 125; there, 126 says that 16 bits follow and 127
// that 64 do.

enum class Opcode : std::uint8_t {
  continuation = 0x0,
  text = 0x1,
  binary = 0x2,
  close = 0x8,
  ping = 0x9,
  pong = 0xa,
};

constexpr bool is_control(Opcode opcode) noexcept {
  return (static_cast<std::uint8_t>(opcode) & 0x8) != 0;
}

constexpr std::size_t control_bytes_max = 125;  ///< payload of a close, ping or pong (5.5)

constexpr std::uint8_t fin_bit = 0x80;
constexpr std::uint8_t reserved_bits = 0x70;
constexpr std::uint8_t opcode_bits = 0x0f;
constexpr std::uint8_t mask_bit = 0x80;
constexpr std::uint8_t length_bits = 0x7f;
constexpr std::uint8_t length_in_16 = 126;
constexpr std::uint8_t length_in_64 = 127;

}  // namespace websocket

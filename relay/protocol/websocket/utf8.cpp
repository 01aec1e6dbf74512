#include "relay/protocol/websocket/utf8.hpp"

namespace websocket {

bool Utf8Checker::feed(std::span<const std::byte> bytes) noexcept {
  for (const std::byte each : bytes) {
    const auto byte = std::to_integer<std::uint8_t>(each);
    if (left_ > 0) {
      if (byte < low_ || byte > high_) return false;
      low_ = 0x80;
      high_ = 0xbf;
      --left_;
    } else if (byte >= 0x80 && !begin_character(byte)) {
      return false;
    }
  }
  return true;
}

// The second byte's range keeps out what is longer than it need be, surrogates (U+D800 to U+DFFF)
// and what lies beyond U+10FFFF.
bool Utf8Checker::begin_character(std::uint8_t byte) noexcept {
  if (byte < 0xc2 || byte > 0xf4) return false;
  left_ = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
  if (byte == 0xe0) low_ = 0xa0;
  if (byte == 0xed) high_ = 0x9f;
  if (byte == 0xf0) low_ = 0x90;
  if (byte == 0xf4) high_ = 0x8f;
  return true;
}

}  // namespace websocket

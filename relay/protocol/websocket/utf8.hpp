#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace websocket {

/// Checks UTF-8 (RFC 3629, 4) piece by piece; a character may lie across pieces. A small value.
class Utf8Checker {
 public:
  /// False at the first byte after which no text could be valid; of no more use then.
  bool feed(std::span<const std::byte> bytes) noexcept;
  /// True between two characters.
  bool is_complete() const noexcept { return left_ == 0; }

 private:
  bool begin_character(std::uint8_t byte) noexcept;

  std::uint8_t left_ = 0;     // bytes of this character that are to come
  std::uint8_t low_ = 0x80;   // the range of the next one
  std::uint8_t high_ = 0xbf;  //
};

/// True when `bytes` are whole characters.
inline bool is_utf8(std::span<const std::byte> bytes) noexcept {
  Utf8Checker checker;
  return checker.feed(bytes) && checker.is_complete();
}

}  // namespace websocket

#pragma once

#include <cstdint>
#include <string_view>

namespace http {

/// What of a representation is sent: `bytes` of them from `first` on.
struct Part {
  enum class Kind : std::uint8_t {
    whole,  ///< 200
    some,   ///< 206 with a Content-Range
    none,   ///< 416: the range lies behind the end
  };
  Kind kind = Kind::whole;
  std::uint64_t first = 0;
  std::uint64_t bytes = 0;

  bool operator==(const Part&) const = default;
};

/// What a Range field (RFC 9110, 14.2) asks for of a representation of so many bytes. One that is
/// malformed, of another unit than bytes, or of several ranges asks for the whole, as does none.
Part read_range(std::string_view field, std::uint64_t bytes) noexcept;

}  // namespace http

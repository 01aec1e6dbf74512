#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace base {

/// The integer in the next `size` bytes, most significant first. Without a loop, so that it
/// compiles to one load.
template <std::size_t size>
std::uint64_t load_big_endian(const std::byte* bytes) noexcept {
  static_assert(size <= 8);
  return [bytes]<std::size_t... at>(std::index_sequence<at...>) noexcept {
    return ((std::to_integer<std::uint64_t>(bytes[at]) << 8 * (size - 1 - at)) | ...);
  }
  (std::make_index_sequence<size>());
}

/// Its reverse: the low `size` bytes of `value`.
template <std::size_t size>
void store_big_endian(std::byte* bytes, std::uint64_t value) noexcept {
  static_assert(size <= 8);
  [ bytes, value ]<std::size_t... at>(std::index_sequence<at...>) noexcept {
    ((bytes[at] = static_cast<std::byte>(value >> 8 * (size - 1 - at) & 0xFF)), ...);
  }
  (std::make_index_sequence<size>());
}

}  // namespace base

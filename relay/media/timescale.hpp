#pragma once

#include <cstdint>

namespace media {

/// `value` ticks of a clock with `from` ticks a second, on one with `to`: the nearest tick, halves
/// up. Exact for every 64-bit value whose result fits 64 bits.
constexpr std::int64_t rescale(std::int64_t value, std::uint32_t to, std::uint32_t from) noexcept {
  if (to == from) return value;
  __extension__ using Wide = __int128;
  const Wide doubled = Wide{value} * to * 2 + from;
  const Wide divisor = Wide{from} * 2;
  const Wide floor = doubled / divisor - (doubled % divisor < 0 ? 1 : 0);
  return static_cast<std::int64_t>(floor);
}

}  // namespace media

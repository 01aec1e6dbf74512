#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace mpegts {

/// PTS and DTS (ISO/IEC 13818-1, 2.4.3.7): mark 4 | bits 32 to 30, one 1 | 29 to 15, one 1 |
/// 14 to 0, one 1.
inline constexpr std::size_t stamp_bytes = 5;
/// Timestamps, and the base of a PCR, count modulo this.
inline constexpr std::int64_t stamp_range = std::int64_t{1} << 33;

std::uint64_t read_stamp(std::span<const std::byte, stamp_bytes> bytes) noexcept;
/// Changes the value alone, modulo `stamp_range`; marks and ones stay.
void write_stamp(std::span<std::byte, stamp_bytes> bytes, std::uint64_t stamp) noexcept;

/// The value nearest to `near` that is congruent to `stamp`.
constexpr std::int64_t unwrap(std::int64_t stamp, std::int64_t near) noexcept {
  // Unsigned, since hostile arguments may lie anywhere.
  const auto range = static_cast<std::uint64_t>(stamp_range);
  auto step = static_cast<std::int64_t>(
      (static_cast<std::uint64_t>(stamp) - static_cast<std::uint64_t>(near)) & (range - 1));
  if (step >= stamp_range / 2) step -= stamp_range;
  return near + step;
}

}  // namespace mpegts

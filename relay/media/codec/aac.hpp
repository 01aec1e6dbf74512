#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

/// AAC, ISO/IEC 14496-3.
namespace codec::aac {

inline constexpr std::size_t adts_header_bytes = 7;

/// The head of an ADTS frame (1.A.2.2): `frame_bytes` counts the header too.
struct AdtsHeader {
  std::uint32_t sample_rate = 0;
  std::uint32_t channels = 0;  ///< 0: told inside the frame
  std::uint32_t frame_bytes = 0;
};

/// Nothing when there are fewer than seven bytes or they are no ADTS header.
std::optional<AdtsHeader> parse_adts(std::span<const std::byte> bytes) noexcept;

}  // namespace codec::aac

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

/// MPEG audio, ISO/IEC 11172-3 and 13818-3: layers I to III.
namespace codec::mp3 {

inline constexpr std::size_t header_bytes = 4;

struct FrameHeader {
  std::uint32_t sample_rate = 0;
  std::uint32_t channels = 0;
  std::uint32_t frame_bytes = 0;    ///< the header included
  std::uint32_t frame_samples = 0;  ///< 384, 576 or 1152
};
/// Nothing when there are fewer than four bytes, they are no header, or the bit rate is "free".
std::optional<FrameHeader> parse_header(std::span<const std::byte> bytes) noexcept;

}  // namespace codec::mp3

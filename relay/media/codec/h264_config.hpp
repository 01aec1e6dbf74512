#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

/// The AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1).
namespace codec::h264 {

/// NAL units without start code or length.
struct Config {
  unsigned length_bytes = 4;  ///< of a NAL unit's length: 1, 2 or 4
  std::vector<std::vector<std::byte>> sps;
  std::vector<std::vector<std::byte>> pps;
};

/// Nothing if it makes no sense. `avc3` may leave the parameter sets out: then the lists are empty.
std::optional<Config> parse_config(std::span<const std::byte> record);
/// Needs an SPS of at least four bytes. Empty if there is none, if an entry is no parameter set of
/// its list's type or longer than 65 535 bytes, or if there are more than 31 SPS or 255 PPS. Writes
/// length_bytes 4.
std::vector<std::byte> make_config(const Config& config);

}  // namespace codec::h264

#pragma once

#include <cstddef>
#include <cstdint>
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

/// Nothing if it makes no sense or has no SPS at all and no PPS (`avc3` may leave them out: then
/// both lists are empty and that is fine).
std::optional<Config> parse_config(std::span<const std::byte> record);
/// `config.sps` has at least one, of at least four bytes. Writes length_bytes 4.
std::vector<std::byte> make_config(const Config& config);

}  // namespace codec::h264

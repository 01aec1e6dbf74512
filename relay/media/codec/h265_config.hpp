#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

/// The HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1).
namespace codec::h265 {

/// NAL units without start code or length.
struct Config {
  unsigned length_bytes = 4;  ///< of a NAL unit's length: 1, 2 or 4
  std::vector<std::vector<std::byte>> vps;
  std::vector<std::vector<std::byte>> sps;
  std::vector<std::vector<std::byte>> pps;
};

/// Nothing if it makes no sense. `hev1` may leave the parameter sets out.
std::optional<Config> parse_config(std::span<const std::byte> record);
/// Needs a VPS, an SPS and a PPS; nothing if one is missing, if the first SPS makes no sense, if an
/// entry is no parameter set of its list's type or longer than 65 535 bytes. Writes length_bytes 4.
std::optional<std::vector<std::byte>> make_config(const Config& config);

}  // namespace codec::h265

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "relay/media/codec/video_size.hpp"

/// H.265, ISO/IEC 23008-2.
namespace codec::h265 {

enum class NalType : std::uint8_t {
  trail_n = 0,
  bla_w_lp = 16,
  idr_w_radl = 19,
  cra = 21,
  vcl_last = 31,
  vps = 32,
  sps = 33,
  pps = 34,
  aud = 35,
  prefix_sei = 39,
};

/// Of the first of the two header bytes.
constexpr NalType nal_type(std::byte header) noexcept {
  return static_cast<NalType>(std::to_integer<unsigned>(header) >> 1 & 0x3F);
}
constexpr bool is_vcl(NalType type) noexcept { return type <= NalType::vcl_last; }
/// BLA, IDR and CRA: a decoder can begin here.
constexpr bool is_irap(NalType type) noexcept {
  return type >= NalType::bla_w_lp && type <= NalType::cra;
}

/// `rbsp` follows the two header bytes, without emulation prevention bytes.
std::optional<VideoSize> parse_sps(std::span<const std::byte> rbsp) noexcept;

/// sps_seq_parameter_set_id; nothing if the rest makes no sense.
std::optional<std::uint32_t> parse_sps_id(std::span<const std::byte> rbsp) noexcept;

/// What the decoder configuration repeats of a sequence parameter set.
struct PictureFormat {
  /// general_profile_space to general_level_idc (7.3.3), as they are.
  std::array<std::byte, 12> profile_tier_level{};
  std::uint8_t temporal_layers = 1;
  bool is_temporal_id_nested = false;
  std::uint8_t chroma_format_idc = 1;  ///< 1: 4:2:0
  std::uint8_t luma_depth_minus8 = 0;
  std::uint8_t chroma_depth_minus8 = 0;
};
/// Likewise of an `rbsp`. Nothing if it makes no sense.
std::optional<PictureFormat> parse_format(std::span<const std::byte> rbsp) noexcept;

}  // namespace codec::h265

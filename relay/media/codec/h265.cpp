#include "relay/media/codec/h265.hpp"

#include "relay/media/codec/bit_reader.hpp"

namespace codec::h265 {
namespace {

// 7.3.3
void skip_profile_tier_level(BitReader& bits, std::uint32_t max_sub_layers_minus1) {
  bits.skip(88 + 8);  // general profile, general_level_idc
  if (max_sub_layers_minus1 == 0) return;
  std::size_t rest = 0;
  for (std::uint32_t layer = 0; layer < 8; ++layer) {
    const bool has_profile = bits.flag();
    const bool has_level = bits.flag();
    // What follows the real layers is alignment.
    if (layer < max_sub_layers_minus1) rest += (has_profile ? 88U : 0U) + (has_level ? 8U : 0U);
  }
  bits.skip(rest);
}

}  // namespace

// 7.3.2.2.1
std::optional<VideoSize> parse_sps(std::span<const std::byte> rbsp) noexcept {
  BitReader bits(rbsp);
  bits.skip(4);  // sps_video_parameter_set_id
  const std::uint32_t max_sub_layers_minus1 = bits.bits(3);
  bits.skip(1);  // sps_temporal_id_nesting_flag
  skip_profile_tier_level(bits, max_sub_layers_minus1);
  bits.ue();  // sps_seq_parameter_set_id
  const std::uint32_t chroma_format = bits.ue();
  const bool is_separate = chroma_format == 3 && bits.flag();
  const std::uint32_t width = bits.ue();
  const std::uint32_t height = bits.ue();
  std::uint64_t crop_x = 0;
  std::uint64_t crop_y = 0;
  if (bits.flag()) {
    crop_x = std::uint64_t{bits.ue()} + bits.ue();
    crop_y = std::uint64_t{bits.ue()} + bits.ue();
  }
  if (!bits.ok() || chroma_format > 3) return std::nullopt;
  if (!is_separate && (chroma_format == 1 || chroma_format == 2)) crop_x *= 2;
  if (!is_separate && chroma_format == 1) crop_y *= 2;
  if (width > picture_side_max || height > picture_side_max) return std::nullopt;
  if (crop_x >= width || crop_y >= height) return std::nullopt;
  return VideoSize{static_cast<std::uint32_t>(width - crop_x),
                   static_cast<std::uint32_t>(height - crop_y)};
}

}  // namespace codec::h265

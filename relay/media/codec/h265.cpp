#include "relay/media/codec/h265.hpp"

#include <algorithm>

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

struct Head {
  std::uint32_t max_sub_layers_minus1 = 0;
  bool is_temporal_id_nested = false;
  std::uint32_t chroma_format = 1;
  std::uint32_t id = 0;
  VideoSize size;
};

// 7.3.2.2.1, up to the conformance window
std::optional<Head> read_head(BitReader& bits) {
  Head head;
  bits.skip(4);  // sps_video_parameter_set_id
  head.max_sub_layers_minus1 = bits.bits(3);
  head.is_temporal_id_nested = bits.flag();
  skip_profile_tier_level(bits, head.max_sub_layers_minus1);
  head.id = bits.ue();
  head.chroma_format = bits.ue();
  const bool is_separate = head.chroma_format == 3 && bits.flag();
  const std::uint32_t width = bits.ue();
  const std::uint32_t height = bits.ue();
  std::uint64_t crop_x = 0;
  std::uint64_t crop_y = 0;
  if (bits.flag()) {
    crop_x = std::uint64_t{bits.ue()} + bits.ue();
    crop_y = std::uint64_t{bits.ue()} + bits.ue();
  }
  if (!bits.ok() || head.chroma_format > 3) return std::nullopt;
  if (!is_separate && (head.chroma_format == 1 || head.chroma_format == 2)) crop_x *= 2;
  if (!is_separate && head.chroma_format == 1) crop_y *= 2;
  if (width > picture_side_max || height > picture_side_max) return std::nullopt;
  if (crop_x >= width || crop_y >= height) return std::nullopt;
  head.size = {static_cast<std::uint32_t>(width - crop_x),
               static_cast<std::uint32_t>(height - crop_y)};
  return head;
}

}  // namespace

std::optional<VideoSize> parse_sps(std::span<const std::byte> rbsp) noexcept {
  BitReader bits(rbsp);
  const auto head = read_head(bits);
  if (!head) return std::nullopt;
  return head->size;
}

std::optional<std::uint32_t> parse_sps_id(std::span<const std::byte> rbsp) noexcept {
  BitReader bits(rbsp);
  const auto head = read_head(bits);
  if (!head) return std::nullopt;
  return head->id;
}

std::optional<PictureFormat> parse_format(std::span<const std::byte> rbsp) noexcept {
  BitReader bits(rbsp);
  const auto head = read_head(bits);
  const std::uint32_t luma = bits.ue();
  const std::uint32_t chroma = bits.ue();
  constexpr std::uint32_t layers_minus1_max = 6;
  constexpr std::uint32_t depth_minus8_max = 7;  // what the record has room for
  if (!head || !bits.ok() || head->max_sub_layers_minus1 > layers_minus1_max ||
      luma > depth_minus8_max || chroma > depth_minus8_max) {
    return std::nullopt;
  }
  PictureFormat format;
  // It begins at the second byte; that there are enough of them the bits have shown.
  std::ranges::copy(rbsp.subspan(1, format.profile_tier_level.size()),
                    format.profile_tier_level.begin());
  format.temporal_layers = static_cast<std::uint8_t>(head->max_sub_layers_minus1 + 1);
  format.is_temporal_id_nested = head->is_temporal_id_nested;
  format.chroma_format_idc = static_cast<std::uint8_t>(head->chroma_format);
  format.luma_depth_minus8 = static_cast<std::uint8_t>(luma);
  format.chroma_depth_minus8 = static_cast<std::uint8_t>(chroma);
  return format;
}

}  // namespace codec::h265

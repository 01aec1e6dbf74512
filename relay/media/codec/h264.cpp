#include "relay/media/codec/h264.hpp"

#include "relay/media/codec/bit_reader.hpp"

namespace codec::h264 {
namespace {

constexpr bool has_chroma_format(std::uint32_t profile_idc) {
  switch (profile_idc) {
    case 44:
    case 83:
    case 86:
    case 100:
    case 110:
    case 118:
    case 122:
    case 128:
    case 134:
    case 135:
    case 138:
    case 139:
    case 144:  // High 4:4:4 of the first editions
    case 244:
      return true;
    default:
      return false;
  }
}

// 7.3.2.1.1.1
void skip_scaling_list(BitReader& bits, int size) {
  std::int64_t last = 8;
  std::int64_t next = 8;
  for (int index = 0; index < size && bits.ok(); ++index) {
    if (next != 0) next = (last + bits.se() + 256) % 256;
    if (next != 0) last = next;
  }
}

struct Chroma {
  std::uint32_t format = 1;  // 4:2:0
  bool is_separate = false;
  std::uint32_t luma_depth_minus8 = 0;
  std::uint32_t chroma_depth_minus8 = 0;
};

Chroma read_chroma(BitReader& bits) {
  Chroma chroma;
  chroma.format = bits.ue();
  if (chroma.format == 3) chroma.is_separate = bits.flag();
  chroma.luma_depth_minus8 = bits.ue();
  chroma.chroma_depth_minus8 = bits.ue();
  bits.skip(1);  // qpprime_y_zero_transform_bypass_flag
  if (bits.flag()) {
    const int lists = chroma.format == 3 ? 12 : 8;
    for (int list = 0; list < lists && bits.ok(); ++list) {
      if (bits.flag()) skip_scaling_list(bits, list < 6 ? 16 : 64);
    }
  }
  return chroma;
}

void skip_picture_order(BitReader& bits) {
  const std::uint32_t type = bits.ue();
  if (type == 0) {
    bits.ue();  // log2_max_pic_order_cnt_lsb_minus4
  } else if (type == 1) {
    bits.skip(1);
    bits.se();
    bits.se();
    const std::uint32_t count = bits.ue();
    for (std::uint32_t index = 0; index < count && bits.ok(); ++index) bits.se();
  }
}

struct Sps {
  std::uint32_t id = 0;
  Chroma chroma;
  std::uint64_t frame_num_bits = 0;
  std::uint64_t width_mbs = 0;
  std::uint64_t height_units = 0;
  bool is_frame_mbs_only = true;
  std::uint64_t crop_x = 0;  // in crop units
  std::uint64_t crop_y = 0;
};

std::optional<Sps> read_sps(std::span<const std::byte> rbsp) {
  BitReader bits(rbsp);
  Sps sps;
  const std::uint32_t profile_idc = bits.bits(8);
  bits.skip(16);  // constraint flags, level_idc
  sps.id = bits.ue();
  if (has_chroma_format(profile_idc)) sps.chroma = read_chroma(bits);
  sps.frame_num_bits = std::uint64_t{bits.ue()} + 4;
  skip_picture_order(bits);
  bits.ue();     // max_num_ref_frames
  bits.skip(1);  // gaps_in_frame_num_value_allowed_flag
  sps.width_mbs = std::uint64_t{bits.ue()} + 1;
  sps.height_units = std::uint64_t{bits.ue()} + 1;
  sps.is_frame_mbs_only = bits.flag();
  if (!sps.is_frame_mbs_only) bits.skip(1);  // mb_adaptive_frame_field_flag
  bits.skip(1);                              // direct_8x8_inference_flag
  if (bits.flag()) {
    sps.crop_x = std::uint64_t{bits.ue()} + bits.ue();
    sps.crop_y = std::uint64_t{bits.ue()} + bits.ue();
  }
  if (!bits.ok() || sps.chroma.format > 3) return std::nullopt;
  return sps;
}

}  // namespace

// 7.3.2.1.1
std::optional<VideoSize> parse_sps(std::span<const std::byte> rbsp) noexcept {
  const auto sps = read_sps(rbsp);
  if (!sps) return std::nullopt;
  const Chroma& chroma = sps->chroma;
  const bool has_subsampling = !chroma.is_separate && chroma.format != 0;
  const std::uint64_t crop_x = sps->crop_x * (has_subsampling && chroma.format < 3 ? 2 : 1);
  const std::uint64_t crop_y = sps->crop_y * (has_subsampling && chroma.format == 1 ? 2U : 1U) *
                               (sps->is_frame_mbs_only ? 1U : 2U);
  const std::uint64_t width = sps->width_mbs * 16;
  const std::uint64_t height = sps->height_units * 16 * (sps->is_frame_mbs_only ? 1 : 2);
  if (width > picture_side_max || height > picture_side_max) return std::nullopt;
  if (crop_x >= width || crop_y >= height) return std::nullopt;
  return VideoSize{static_cast<std::uint32_t>(width - crop_x),
                   static_cast<std::uint32_t>(height - crop_y)};
}

std::optional<FieldSyntax> parse_field_syntax(std::span<const std::byte> rbsp) noexcept {
  const auto sps = read_sps(rbsp);
  if (!sps || sps->frame_num_bits > 16) return std::nullopt;
  return FieldSyntax{sps->id, static_cast<std::uint8_t>(sps->frame_num_bits),
                     !sps->is_frame_mbs_only, sps->chroma.is_separate};
}

// 7.3.3: first_mb_in_slice, slice_type, pic_parameter_set_id
std::optional<std::uint32_t> parse_slice_pps_id(std::span<const std::byte> nal) noexcept {
  if (nal.empty()) return std::nullopt;
  BitReader bits(nal.subspan(1));
  bits.ue();
  bits.ue();
  const std::uint32_t id = bits.ue();
  if (!bits.ok()) return std::nullopt;
  return id;
}

std::optional<Picture> parse_slice(std::span<const std::byte> nal,
                                   const FieldSyntax& syntax) noexcept {
  if (nal.empty()) return std::nullopt;
  Picture picture;
  picture.is_idr = nal_type(nal[0]) == NalType::idr_slice;
  BitReader bits(nal.subspan(1));
  bits.ue();
  bits.ue();
  bits.ue();
  if (syntax.has_colour_planes) bits.skip(2);
  picture.frame_num = bits.bits(syntax.frame_num_bits);
  picture.is_field = syntax.has_fields && bits.flag();
  picture.is_bottom = picture.is_field && bits.flag();
  if (!bits.ok()) return std::nullopt;
  return picture;
}

std::optional<PictureFormat> parse_format(std::span<const std::byte> rbsp) noexcept {
  BitReader bits(rbsp);
  const std::uint32_t profile_idc = bits.bits(8);
  bits.skip(16);  // constraint flags, level_idc
  bits.ue();      // seq_parameter_set_id
  if (!has_chroma_format(profile_idc)) return std::nullopt;
  const Chroma chroma = read_chroma(bits);
  constexpr std::uint32_t depth_minus8_max = 6;
  if (!bits.ok() || chroma.format > 3 || chroma.luma_depth_minus8 > depth_minus8_max ||
      chroma.chroma_depth_minus8 > depth_minus8_max) {
    return std::nullopt;
  }
  return PictureFormat{static_cast<std::uint8_t>(chroma.format),
                       static_cast<std::uint8_t>(chroma.luma_depth_minus8),
                       static_cast<std::uint8_t>(chroma.chroma_depth_minus8)};
}

// 7.3.2.3.1: type and size are each a run of 0xFF and a last byte.
void SeiWalk::on_byte(std::byte value) noexcept {
  constexpr std::uint32_t recovery_point = 6;
  const auto number = std::to_integer<std::uint32_t>(value);
  switch (state_) {
    case State::type:
      type_ += number;
      if (number != 0xFF) state_ = State::size;
      return;
    case State::size:
      size_ += number;
      if (number == 0xFF) return;
      is_first_ = true;
      state_ = size_ > 0 ? State::payload : State::type;
      if (size_ == 0) type_ = 0;
      return;
    case State::payload:
      // recovery_frame_cnt is ue(v): zero is a single 1 bit.
      if (is_first_ && type_ == recovery_point && (number & 0x80) != 0) has_recovery_point_ = true;
      is_first_ = false;
      if (--size_ > 0) return;
      type_ = 0;
      state_ = State::type;
  }
}

}  // namespace codec::h264

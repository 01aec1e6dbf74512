#include "relay/media/codec/av1.hpp"

#include <cstdint>

#include "relay/base/byte_reader.hpp"
#include "relay/media/codec/bit_reader.hpp"

namespace codec::av1 {
namespace {

constexpr std::uint8_t sequence_header = 1;

// Section 4.10.5. A size of more than 32 bits is not allowed.
std::optional<std::size_t> read_leb128(base::ByteReader& in) {
  std::uint64_t value = 0;
  for (unsigned index = 0; index < 8; ++index) {
    const std::uint64_t byte = in.u8();
    value |= (byte & 0x7F) << (7 * index);
    if ((byte & 0x80) == 0) break;
    if (index == 7) return std::nullopt;
  }
  if (!in.ok() || value > 0xFFFF'FFFF) return std::nullopt;
  return static_cast<std::size_t>(value);
}

struct DecoderModel {
  bool is_present = false;
  unsigned delay_bits = 0;
};

// 5.5.1, 5.5.3, 5.5.4
DecoderModel read_timing(BitReader& bits) {
  DecoderModel model;
  if (!bits.flag()) return model;  // timing_info_present_flag
  bits.skip(64);                   // num_units_in_display_tick, time_scale
  if (bits.flag()) bits.ue();      // num_ticks_per_picture_minus_1
  model.is_present = bits.flag();
  if (!model.is_present) return model;
  model.delay_bits = bits.bits(5) + 1;
  bits.skip(32 + 5 + 5);  // num_units_in_decoding_tick, two lengths
  return model;
}

void skip_operating_points(BitReader& bits) {
  const DecoderModel model = read_timing(bits);
  const bool has_display_delay = bits.flag();
  const std::uint32_t points = bits.bits(5) + 1;
  for (std::uint32_t point = 0; point < points && bits.ok(); ++point) {
    bits.skip(12);                       // operating_point_idc
    if (bits.bits(5) > 7) bits.skip(1);  // seq_level_idx, seq_tier
    if (model.is_present && bits.flag()) {
      bits.skip(2 * model.delay_bits + 1);  // the delays of the two buffers, low_delay_mode_flag
    }
    if (has_display_delay && bits.flag()) bits.skip(4);
  }
}

// 5.5.1, up to the size
std::optional<VideoSize> parse_sequence_header(std::span<const std::byte> payload) {
  BitReader bits(payload);
  bits.skip(3 + 1);   // seq_profile, still_picture
  if (bits.flag()) {  // reduced_still_picture_header
    bits.skip(5);     // seq_level_idx
  } else {
    skip_operating_points(bits);
  }
  const unsigned width_bits = bits.bits(4) + 1;
  const unsigned height_bits = bits.bits(4) + 1;
  const VideoSize size{bits.bits(width_bits) + 1, bits.bits(height_bits) + 1};
  if (!bits.ok() || size.width > picture_side_max || size.height > picture_side_max) {
    return std::nullopt;
  }
  return size;
}

}  // namespace

// AV1 in ISOBMFF, 2.3.3: marker 1, version 7 | profile 3, level 5 | flags 8 | reserved 3,
// presentation delay 5 | OBUs: forbidden 1, type 4, extension 1, has_size 1, reserved 1
std::optional<VideoSize> parse_config(std::span<const std::byte> av1c) noexcept {
  base::ByteReader in(av1c);
  if (in.u8() != 0x81) return std::nullopt;
  in.skip(3);
  while (in.ok() && in.remaining() > 0) {
    const unsigned header = in.u8();
    if ((header & 0x80) != 0) return std::nullopt;
    if ((header & 4) != 0) in.skip(1);
    // Here every OBU must have its size; without one it would be the last.
    const auto size = (header & 2) != 0 ? read_leb128(in) : in.remaining();
    if (!size) return std::nullopt;
    const auto payload = in.take(*size);
    if (in.ok() && (header >> 3 & 0xF) == sequence_header) return parse_sequence_header(payload);
  }
  return std::nullopt;
}

}  // namespace codec::av1

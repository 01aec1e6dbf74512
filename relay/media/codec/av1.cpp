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

// What a record says of a sequence.
struct Sequence {
  VideoSize size;
  unsigned profile = 0;
  unsigned level = 0;
  unsigned tier = 0;
  unsigned color = 0;  // as the record has it: from high_bitdepth to chroma_sample_position
};

// The first operating point's level and tier count.
void read_operating_points(BitReader& bits, Sequence& sequence) {
  const DecoderModel model = read_timing(bits);
  const bool has_display_delay = bits.flag();
  const std::uint32_t points = bits.bits(5) + 1;
  for (std::uint32_t point = 0; point < points && bits.ok(); ++point) {
    bits.skip(12);  // operating_point_idc
    const unsigned level = bits.bits(5);
    const unsigned tier = level > 7 ? bits.bits(1) : 0;
    if (point == 0) sequence.level = level;
    if (point == 0) sequence.tier = tier;
    if (model.is_present && bits.flag()) {
      bits.skip(2 * model.delay_bits + 1);  // the delays of the two buffers, low_delay_mode_flag
    }
    if (has_display_delay && bits.flag()) bits.skip(4);
  }
}

// 5.5.1, from the size to the colours
void skip_tools(BitReader& bits, bool is_reduced) {
  if (!is_reduced && bits.flag()) bits.skip(4 + 3);  // lengths of frame ids
  bits.skip(3);  // use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
  if (!is_reduced) {
    bits.skip(4);  // enable_interintra_compound to enable_dual_filter
    const bool has_order_hint = bits.flag();
    if (has_order_hint) bits.skip(2);  // enable_jnt_comp, enable_ref_frame_mvs
    const bool chooses_content_tools = bits.flag();
    const bool has_content_tools = chooses_content_tools || bits.flag();
    if (has_content_tools && !bits.flag()) bits.skip(1);  // seq_force_integer_mv
    if (has_order_hint) bits.skip(3);                     // order_hint_bits_minus_1
  }
  bits.skip(3);  // enable_superres, enable_cdef, enable_restoration
}

// 5.5.2; high_bitdepth 1, twelve_bit 1, monochrome 1, subsampling 2, chroma_sample_position 2
unsigned read_color(BitReader& bits, unsigned profile) {
  const unsigned is_high = bits.bits(1);
  const unsigned is_twelve = profile == 2 && is_high != 0 ? bits.bits(1) : 0;
  const unsigned is_mono = profile == 1 ? 0 : bits.bits(1);
  const unsigned depth = is_high << 6 | is_twelve << 5 | is_mono << 4;
  constexpr unsigned is_srgb = 1 << 16 | 13 << 8 | 0;
  const unsigned description = bits.flag() ? bits.bits(24) : 0;
  if (is_mono == 0 && description == is_srgb) return depth;
  bits.skip(1);  // color_range
  if (is_mono != 0) return depth | 3 << 2;
  unsigned x = profile == 1 ? 0 : 1;
  unsigned y = profile == 0 ? 1 : 0;
  if (profile == 2 && is_twelve != 0) {
    x = bits.bits(1);
    y = x != 0 ? bits.bits(1) : 0;
  }
  const unsigned position = x != 0 && y != 0 ? bits.bits(2) : 0;
  return depth | x << 3 | y << 2 | position;
}

// 5.5.1; without colours it is read up to the size.
std::optional<Sequence> parse_sequence_header(std::span<const std::byte> payload, bool with_color) {
  BitReader bits(payload);
  Sequence sequence;
  sequence.profile = bits.bits(3);
  bits.skip(1);  // still_picture
  const bool is_reduced = bits.flag();
  if (is_reduced) {
    sequence.level = bits.bits(5);
  } else {
    read_operating_points(bits, sequence);
  }
  const unsigned width_bits = bits.bits(4) + 1;
  const unsigned height_bits = bits.bits(4) + 1;
  sequence.size = {bits.bits(width_bits) + 1, bits.bits(height_bits) + 1};
  if (with_color) {
    skip_tools(bits, is_reduced);
    sequence.color = read_color(bits, sequence.profile);
  }
  if (!bits.ok() || sequence.profile > 2 || sequence.size.width > picture_side_max ||
      sequence.size.height > picture_side_max) {
    return std::nullopt;
  }
  return sequence;
}

// The payload of the first sequence header. OBU: forbidden 1, type 4, extension 1, has_size 1,
// reserved 1.
std::optional<std::span<const std::byte>> find_sequence_header(base::ByteReader in) {
  while (in.ok() && in.remaining() > 0) {
    const unsigned header = in.u8();
    if ((header & 0x80) != 0) return std::nullopt;
    if ((header & 4) != 0) in.skip(1);
    // Here every OBU must have its size; without one it would be the last.
    const auto size = (header & 2) != 0 ? read_leb128(in) : in.remaining();
    if (!size) return std::nullopt;
    const auto payload = in.take(*size);
    if (in.ok() && (header >> 3 & 0xF) == sequence_header) return payload;
  }
  return std::nullopt;
}

}  // namespace

// AV1 in ISOBMFF, 2.3.3: marker 1, version 7 | profile 3, level 5 | tier 1, colours 7 | reserved 3,
// presentation delay 5 | OBUs
std::optional<VideoSize> parse_config(std::span<const std::byte> av1c) noexcept {
  base::ByteReader in(av1c);
  if (in.u8() != 0x81) return std::nullopt;
  in.skip(3);
  const auto payload = find_sequence_header(in);
  if (!payload) return std::nullopt;
  const auto sequence = parse_sequence_header(*payload, false);
  if (!sequence) return std::nullopt;
  return sequence->size;
}

std::optional<std::vector<std::byte>> make_config(std::span<const std::byte> head) {
  const auto payload = find_sequence_header(base::ByteReader(head));
  if (!payload) return std::nullopt;
  const auto sequence = parse_sequence_header(*payload, true);
  if (!sequence) return std::nullopt;
  const auto byte = [](std::size_t value) { return static_cast<std::byte>(value & 0xFF); };
  std::vector<std::byte> record{byte(0x81), byte(sequence->profile << 5 | sequence->level),
                                byte(sequence->tier << 7 | sequence->color), byte(0),
                                byte(sequence_header << 3 | 2)};
  // Its size: `config_bytes_max` needs two groups of seven bits.
  if (payload->size() > 0x7F) record.push_back(byte(payload->size() | 0x80));
  record.push_back(byte(payload->size() > 0x7F ? payload->size() >> 7 : payload->size()));
  record.insert(record.end(), payload->begin(), payload->end());
  return record;
}

}  // namespace codec::av1

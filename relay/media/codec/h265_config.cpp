#include "relay/media/codec/h265_config.hpp"

#include "relay/base/byte_reader.hpp"
#include "relay/media/codec/annexb.hpp"
#include "relay/media/codec/byte_writer.hpp"
#include "relay/media/codec/h265.hpp"

namespace codec::h265 {
namespace {

using NalList = std::vector<std::vector<std::byte>>;

constexpr std::size_t header_bytes = 2;
constexpr std::size_t nal_bytes_max = 0xFFFF;

bool is_of(NalType type, std::span<const std::byte> nal) {
  return nal.size() > header_bytes && nal.size() <= nal_bytes_max && nal_type(nal[0]) == type;
}

// A list that must not be empty.
bool is_list_of(NalType type, const NalList& nals) {
  for (const auto& nal : nals) {
    if (!is_of(type, nal)) return false;
  }
  return !nals.empty() && nals.size() <= 0xFFFF;
}

NalList* list_of(NalType type, Config& config) {
  switch (type) {
    case NalType::vps:
      return &config.vps;
    case NalType::sps:
      return &config.sps;
    case NalType::pps:
      return &config.pps;
    default:
      return nullptr;
  }
}

// completeness 1, zero 1, NAL_unit_type 6 | count 16 | each: length 16, NAL unit
bool read_array(base::ByteReader& in, Config& config) {
  const auto type = static_cast<NalType>(in.u8() & 0x3F);
  NalList* const list = list_of(type, config);
  const unsigned count = in.u16();
  for (unsigned index = 0; index < count; ++index) {
    const auto nal = in.take(in.u16());
    if (!in.ok()) return false;
    if (list == nullptr) continue;  // SEI
    if (!is_of(type, nal)) return false;
    list->emplace_back(nal.begin(), nal.end());
  }
  return in.ok();
}

// array_completeness stays 0: the samples carry parameter sets too.
void write_array(ByteWriter& out, NalType type, const NalList& nals) {
  out.u8(static_cast<std::uint32_t>(type));
  out.u16(static_cast<std::uint32_t>(nals.size()));
  for (const auto& nal : nals) {
    out.u16(static_cast<std::uint32_t>(nal.size()));
    out.append(nal);
  }
}

}  // namespace

// version 8 | profile_tier_level 96 | ones 4, min_spatial_segmentation 12 | ones 6, parallelism 2 |
// ones 6, chroma 2 | ones 5, luma depth 3 | ones 5, chroma depth 3 | avgFrameRate 16 |
// constantFrameRate 2, numTemporalLayers 3, temporalIdNested 1, lengthSizeMinusOne 2 | arrays 8
std::optional<Config> parse_config(std::span<const std::byte> record) {
  base::ByteReader in(record);
  if (in.u8() != 1) return std::nullopt;
  in.skip(12 + 2 + 1 + 1 + 1 + 1 + 2);
  Config config;
  config.length_bytes = (in.u8() & 3U) + 1;
  const unsigned arrays = in.u8();
  if (!in.ok() || config.length_bytes == 3) return std::nullopt;
  for (unsigned index = 0; index < arrays; ++index) {
    if (!read_array(in, config)) return std::nullopt;
  }
  return config;
}

std::optional<std::vector<std::byte>> make_config(const Config& config) {
  if (!is_list_of(NalType::vps, config.vps) || !is_list_of(NalType::sps, config.sps) ||
      !is_list_of(NalType::pps, config.pps)) {
    return std::nullopt;
  }
  const std::span<const std::byte> sps = config.sps.front();
  const auto format = parse_format(copy_without_emulation(sps.subspan(header_bytes)));
  if (!format) return std::nullopt;
  ByteWriter out;
  out.u8(1);
  out.append(format->profile_tier_level);
  out.u16(0xF000);  // no promise about segments,
  out.u8(0xFC);     // nor about parallel decoding
  out.u8(0xFCU | format->chroma_format_idc);
  out.u8(0xF8U | format->luma_depth_minus8);
  out.u8(0xF8U | format->chroma_depth_minus8);
  out.u16(0);  // avgFrameRate: not told; likewise constantFrameRate
  const std::uint32_t nested = format->is_temporal_id_nested ? 1 : 0;
  out.u8(std::uint32_t{format->temporal_layers} << 3 | nested << 2 | 3);
  out.u8(3);
  write_array(out, NalType::vps, config.vps);
  write_array(out, NalType::sps, config.sps);
  write_array(out, NalType::pps, config.pps);
  return out.take();
}

}  // namespace codec::h265

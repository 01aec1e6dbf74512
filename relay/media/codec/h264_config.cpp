#include "relay/media/codec/h264_config.hpp"

#include "relay/base/byte_reader.hpp"
#include "relay/media/codec/annexb.hpp"
#include "relay/media/codec/byte_writer.hpp"
#include "relay/media/codec/h264.hpp"

namespace codec::h264 {
namespace {

using NalList = std::vector<std::vector<std::byte>>;

constexpr std::size_t sps_max = 31;
constexpr std::size_t pps_max = 255;
constexpr std::size_t nal_bytes_max = 0xFFFF;
// Header, profile_idc, constraint flags, level_idc.
constexpr std::size_t sps_bytes_min = 4;

bool is_of(NalType type, std::span<const std::byte> nal) {
  const std::size_t bytes_min = type == NalType::sps ? sps_bytes_min : 2;
  return nal.size() >= bytes_min && nal.size() <= nal_bytes_max && nal_type(nal[0]) == type;
}

bool are_of(NalType type, const NalList& nals) {
  for (const auto& nal : nals) {
    if (!is_of(type, nal)) return false;
  }
  return true;
}

bool read_list(base::ByteReader& in, unsigned count, NalType type, NalList& out) {
  for (unsigned index = 0; index < count; ++index) {
    const auto nal = in.take(in.u16());
    if (!in.ok() || !is_of(type, nal)) return false;
    out.emplace_back(nal.begin(), nal.end());
  }
  return in.ok();
}

void write_list(ByteWriter& out, const NalList& nals) {
  for (const auto& nal : nals) {
    out.u16(static_cast<std::uint32_t>(nal.size()));
    out.append(nal);
  }
}

}  // namespace

// version 8 | profile 8 | compatibility 8 | level 8 | ones 6, lengthSizeMinusOne 2 | ones 3,
// SPS count 5 | each: length 16, SPS | PPS count 8 | each: length 16, PPS | of some profiles more
std::optional<Config> parse_config(std::span<const std::byte> record) {
  base::ByteReader in(record);
  if (in.u8() != 1) return std::nullopt;
  in.skip(3);
  Config config;
  config.length_bytes = (in.u8() & 3U) + 1;
  if (!in.ok() || config.length_bytes == 3) return std::nullopt;
  if (!read_list(in, in.u8() & 0x1FU, NalType::sps, config.sps)) return std::nullopt;
  if (!read_list(in, in.u8(), NalType::pps, config.pps)) return std::nullopt;
  // The chroma format and bit depths that may follow stand in the SPS too, and not every writer
  // adds them where it must.
  return config;
}

std::vector<std::byte> make_config(const Config& config) {
  if (config.sps.empty() || config.sps.size() > sps_max || config.pps.size() > pps_max ||
      !are_of(NalType::sps, config.sps) || !are_of(NalType::pps, config.pps)) {
    return {};
  }
  const std::span<const std::byte> sps = config.sps.front();
  ByteWriter out;
  out.u8(1);
  out.append(sps.subspan(1, 3));
  out.u8(0xFC | 3);
  out.u8(0xE0 | static_cast<std::uint32_t>(config.sps.size()));
  write_list(out, config.sps);
  out.u8(static_cast<std::uint32_t>(config.pps.size()));
  write_list(out, config.pps);
  if (const auto format = parse_format(copy_without_emulation(sps.subspan(1)))) {
    out.u8(0xFCU | format->chroma_format_idc);
    out.u8(0xF8U | format->luma_depth_minus8);
    out.u8(0xF8U | format->chroma_depth_minus8);
    out.u8(0);  // no SPS extensions
  }
  return out.take();
}

}  // namespace codec::h264

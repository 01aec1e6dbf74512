#include "relay/media/container/fmp4/sample_entry_writer.hpp"

#include <algorithm>
#include <limits>

#include "relay/base/byte_reader.hpp"
#include "relay/media/codec/aac.hpp"
#include "relay/media/codec/opus.hpp"
#include "relay/media/container/fmp4/track_defaults.hpp"
#include "relay/media/container/fmp4/writer.hpp"

namespace fmp4 {
namespace {

using media::Codec;
using media::Track;
using Bytes = std::span<const std::byte>;

constexpr std::uint32_t u16_max = std::numeric_limits<std::uint16_t>::max();
// Of the records up to their first variable part.
constexpr std::size_t avcc_bytes_min = 7;
constexpr std::size_t hvcc_bytes_min = 23;
constexpr std::size_t av1c_bytes_min = 4;
constexpr std::size_t vpcc_bytes_min = 8;
// Of NAL units of H.265 (ITU-T H.265, table 7-1).
constexpr std::uint32_t vps_type = 32;
constexpr std::uint32_t pps_type = 34;

// ISO/IEC 14496-15, 5.3.3.1. Byte 4 ends with lengthSizeMinusOne: our lengths have four bytes,
// whatever those of the publisher had.
void write_avcc(BoxWriter& out, Bytes record) {
  const auto avcc = out.begin("avcC");
  out.bytes(record.first(4));
  out.u8(std::to_integer<std::uint32_t>(record[4]) | 3);
  out.bytes(record.subspan(5));
  out.end(avcc);
}

// 8.3.3.1: byte 21 ends with lengthSizeMinusOne, byte 22 counts the arrays. Each begins with
// array_completeness, type 6, NAL units 16. In `hev1` there may be other parameter sets in-band, so
// no array is complete; in `hvc1` those of parameter sets are.
void write_hvcc(BoxWriter& out, Bytes record, ParameterSets sets) {
  const auto hvcc = out.begin("hvcC");
  out.bytes(record.first(21));
  out.u8(std::to_integer<std::uint32_t>(record[21]) | 3);
  base::ByteReader in(record.subspan(22));
  const std::uint32_t arrays = in.u8();
  out.u8(arrays);
  for (std::uint32_t array = 0; array < arrays && in.remaining() >= 3; ++array) {
    const std::uint32_t type = in.u8() & 0x7FU;
    const bool is_complete =
        sets == ParameterSets::described && type >= vps_type && type <= pps_type;
    out.u8(is_complete ? type | 0x80 : type);
    const std::uint32_t units = in.u16();
    out.u16(units);
    for (std::uint32_t unit = 0; unit < units && in.remaining() >= 2; ++unit) {
      const std::uint32_t size = in.u16();
      out.u16(size);
      out.bytes(in.take(std::min<std::size_t>(size, in.remaining())));
    }
  }
  out.bytes(in.rest());
  out.end(hvcc);
}

// VP codec ISO media file format binding: the box has version 1 and flags. A record without them is
// told by its level, which is never 0.
void write_vpcc(BoxWriter& out, Bytes record) {
  const auto vpcc = out.begin("vpcC");
  if (record[1] != std::byte{0}) out.u32(0x0100'0000);
  out.bytes(record);
  out.end(vpcc);
}

void write_config(BoxWriter& out, const char (&type)[5], Bytes record) {
  const auto box = out.begin(type);
  out.bytes(record);
  out.end(box);
}

// 8.5.2, 12.1.3
std::size_t begin_visual(BoxWriter& out, const char (&type)[5], const Track& track) {
  const auto entry = out.begin(type);
  out.zeros(6);
  out.u16(1);  // data_reference_index
  out.zeros(16);
  out.u16(track.width);
  out.u16(track.height);
  out.u32(0x48'0000);  // 72 dpi
  out.u32(0x48'0000);
  out.u32(0);
  out.u16(1);  // frames per sample
  out.zeros(32);
  out.u16(0x18);  // depth: colour without alpha
  out.u16(0xFFFF);
  return entry;
}

// 12.2.3
std::size_t begin_audio(BoxWriter& out, const char (&type)[5], const Track& track) {
  const std::uint32_t rate = sample_rate_of(track);
  const auto entry = out.begin(type);
  out.zeros(6);
  out.u16(1);  // data_reference_index
  out.zeros(8);
  out.u16(track.channels == 0 ? 2 : std::min(track.channels, u16_max));
  out.u16(16);  // bits per sample
  out.u32(0);
  out.u32(rate <= u16_max ? rate << 16 : 0);  // 88.2 and 96 kHz do not fit
  return entry;
}

// A tag of ISO/IEC 14496-1, 8.3.3: the size in seven bits a byte, here always in four bytes.
void write_tag(BoxWriter& out, std::uint32_t tag, std::size_t size) {
  out.u8(tag);
  for (const unsigned shift : {21U, 14U, 7U}) {
    out.u8(static_cast<std::uint32_t>(size >> shift & 0x7F) | 0x80);
  }
  out.u8(static_cast<std::uint32_t>(size & 0x7F));
}

// ES_Descriptor (14496-1, 7.2.6.5): DecoderConfigDescriptor with the DecoderSpecificInfo of AAC,
// and the SLConfigDescriptor that files have.
void write_esds(BoxWriter& out, std::uint32_t object_type, Bytes specific_info) {
  constexpr std::size_t tag_bytes = 5;
  constexpr std::size_t decoder_bytes = 13;
  const std::size_t info_bytes = specific_info.empty() ? 0 : tag_bytes + specific_info.size();
  const auto esds = out.begin_full("esds", 0, 0);
  write_tag(out, 3, 3 + tag_bytes + decoder_bytes + info_bytes + tag_bytes + 1);
  out.u16(0);  // ES_ID
  out.u8(0);
  write_tag(out, 4, decoder_bytes + info_bytes);
  out.u8(object_type);
  out.u8(0x15);  // audio
  out.u24(0);    // buffer size
  out.u32(0);    // bit rates: not told
  out.u32(0);
  if (!specific_info.empty()) {
    write_tag(out, 5, specific_info.size());
    out.bytes(specific_info);
  }
  write_tag(out, 6, 1);
  out.u8(2);
  out.end(esds);
}

// The object type of MPEG-1 audio, or of MPEG-2 audio with its halved sample rates.
std::uint32_t mp3_object_type(const Track& track) {
  return track.sample_rate > 24'000 ? 0x6B : 0x69;
}

bool has_picture_size(const Track& track) {
  return track.width > 0 && track.width <= u16_max && track.height > 0 && track.height <= u16_max;
}

}  // namespace

bool can_write(const Track& track) noexcept {
  if (track.timescale == 0) return false;
  const std::size_t config_bytes = track.config.size();
  switch (track.codec) {
    case Codec::h264:
      return has_picture_size(track) && config_bytes >= avcc_bytes_min;
    case Codec::h265:
      return has_picture_size(track) && config_bytes >= hvcc_bytes_min;
    case Codec::av1:
      return has_picture_size(track) && config_bytes >= av1c_bytes_min;
    case Codec::vp9:
      return has_picture_size(track) && config_bytes >= vpcc_bytes_min;
    case Codec::aac:
      return codec::aac::parse_config(track.config).has_value();
    case Codec::opus:
      return codec::opus::parse_config(track.config).has_value();
    case Codec::mp3:
      return track.sample_rate != 0;
    case Codec::unknown:
      break;
  }
  return false;
}

void write_sample_entry(BoxWriter& out, const Track& track, ParameterSets sets) {
  const bool is_described = sets == ParameterSets::described;
  std::size_t entry = 0;
  switch (track.codec) {
    case Codec::h264:
      entry = begin_visual(out, is_described ? "avc1" : "avc3", track);
      write_avcc(out, track.config);
      break;
    case Codec::h265:
      entry = begin_visual(out, is_described ? "hvc1" : "hev1", track);
      write_hvcc(out, track.config, sets);
      break;
    case Codec::av1:
      entry = begin_visual(out, "av01", track);
      write_config(out, "av1C", track.config);
      break;
    case Codec::vp9:
      entry = begin_visual(out, "vp09", track);
      write_vpcc(out, track.config);
      break;
    case Codec::aac:
      entry = begin_audio(out, "mp4a", track);
      write_esds(out, 0x40, track.config);
      break;
    case Codec::mp3:
      entry = begin_audio(out, "mp4a", track);
      write_esds(out, mp3_object_type(track), {});
      break;
    case Codec::opus:
      entry = begin_audio(out, "Opus", track);
      write_config(out, "dOps", track.config);
      break;
    case Codec::unknown:
      return;
  }
  out.end(entry);
}

}  // namespace fmp4

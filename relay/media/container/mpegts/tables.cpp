#include "relay/media/container/mpegts/tables.hpp"

#include <algorithm>

#include "relay/base/byte_reader.hpp"
#include "relay/media/container/mpegts/packet.hpp"

namespace mpegts {
namespace {

using media::Codec;
using media::Kind;
using media::Track;

constexpr std::size_t long_head_bytes = 8;
constexpr std::size_t crc_bytes = 4;

// What lies between the head and the CRC.
std::span<const std::byte> body(std::span<const std::byte> section) {
  if (section.size() < long_head_bytes + crc_bytes) return {};
  return section.subspan(long_head_bytes, section.size() - long_head_bytes - crc_bytes);
}

struct Type {
  Kind kind;
  Codec codec;
};

// ISO/IEC 13818-1, table 2-34; from 0x80 on what ATSC and everybody else uses.
Type from_stream_type(std::uint8_t stream_type) {
  switch (stream_type) {
    case 0x01:
    case 0x02:
    case 0x10:
    case 0x42:
    case 0xEA:
      return {Kind::video, Codec::unknown};
    case 0x1B:
      return {Kind::video, Codec::h264};
    case 0x24:
      return {Kind::video, Codec::h265};
    case 0x03:
    case 0x04:
      return {Kind::audio, Codec::mp3};
    case 0x0F:
      return {Kind::audio, Codec::aac};
    case 0x11:  // AAC in LATM, which nobody here reads
    case 0x81:
    case 0x82:
    case 0x83:
    case 0x84:
    case 0x85:
    case 0x87:
      return {Kind::audio, Codec::unknown};
    default:
      return {Kind::data, Codec::unknown};
  }
}

constexpr std::uint32_t four(const char (&text)[5]) {
  std::uint32_t value = 0;
  for (int index = 0; index < 4; ++index) {
    value = value << 8 | static_cast<std::uint8_t>(text[index]);
  }
  return value;
}

// What only a registration descriptor tells (private stream types).
Type from_registration(std::uint32_t identifier, Type known) {
  switch (identifier) {
    case four("Opus"):
      return {Kind::audio, Codec::opus};
    case four("AV01"):
      return {Kind::video, Codec::av1};
    case four("VP09"):
      return {Kind::video, Codec::vp9};
    case four("HEVC"):
      return {Kind::video, Codec::h265};
    case four("AC-3"):
    case four("EAC3"):
    case four("DTS1"):
    case four("DTS2"):
    case four("BSSD"):
      return {Kind::audio, Codec::unknown};
    default:
      return known;
  }
}

void apply_descriptor(Track& track, std::uint8_t tag, base::ByteReader data) {
  const auto set = [&track](Type type) {
    track.kind = type.kind;
    track.codec = type.codec;
  };
  const bool is_private = track.kind == Kind::data;
  switch (tag) {
    case 0x05:
      if (is_private) set(from_registration(data.u32(), {track.kind, track.codec}));
      if (track.codec == Codec::opus) track.sample_rate = 48'000;
      break;
    case 0x0A:
      if (const auto code = data.take(3); track.language.empty() && data.ok()) {
        for (const std::byte letter : code) track.language += static_cast<char>(letter);
      }
      break;
    case 0x6A:
    case 0x7A:
    case 0x7B:
      if (is_private) set({Kind::audio, Codec::unknown});  // AC-3, E-AC-3, DTS of DVB
      break;
    case 0x7F:
      // Opus in MPEG-TS: extension tag 0x80, channel configuration.
      if (track.codec == Codec::opus && data.u8() == 0x80) track.channels = data.u8();
      break;
    default:
      break;
  }
}

}  // namespace

std::vector<ProgramEntry> parse_pat(std::span<const std::byte> section) {
  std::vector<ProgramEntry> programs;
  base::ByteReader in(body(section));
  while (in.remaining() >= 4 && programs.size() < programs_max) {
    const std::uint16_t number = in.u16();
    const auto pid = static_cast<std::uint16_t>(in.u16() & 0x1FFF);
    if (number != 0 && pid != pat_pid && pid != null_pid) programs.push_back({number, pid});
  }
  return programs;
}

std::vector<Track> parse_pmt(std::span<const std::byte> section) {
  std::vector<Track> tracks;
  base::ByteReader in(body(section));
  in.u16();  // PCR_PID
  in.skip(in.u16() & 0x0FFF);
  while (in.remaining() >= 5) {
    const Type type = from_stream_type(in.u8());
    Track track;
    track.id = in.u16() & 0x1FFFU;
    track.kind = type.kind;
    track.codec = type.codec;
    base::ByteReader descriptors(in.take(in.u16() & 0x0FFF));
    if (!in.ok()) break;
    while (descriptors.remaining() >= 2) {
      const std::uint8_t tag = descriptors.u8();
      apply_descriptor(track, tag, base::ByteReader(descriptors.take(descriptors.u8())));
    }
    const bool is_known =
        std::ranges::any_of(tracks, [&track](const Track& other) { return other.id == track.id; });
    if (!is_known && track.id != pat_pid && track.id != null_pid)
      tracks.push_back(std::move(track));
  }
  return tracks;
}

bool is_whole_pmt(std::span<const std::byte> section) {
  base::ByteReader in(body(section));
  in.u16();  // PCR_PID
  in.skip(in.u16() & 0x0FFF);
  while (in.remaining() > 0) {
    in.skip(3);  // stream_type, elementary_PID
    in.skip(in.u16() & 0x0FFF);
  }
  return in.ok();
}

}  // namespace mpegts

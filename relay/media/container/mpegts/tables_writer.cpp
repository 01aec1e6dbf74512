#include "relay/media/container/mpegts/tables_writer.hpp"

#include <string_view>

#include "relay/base/assert.hpp"
#include "relay/media/codec/opus.hpp"
#include "relay/media/container/mpegts/section.hpp"
#include "relay/media/container/mpegts/tables.hpp"

namespace mpegts {
namespace {

using media::Codec;
using media::Track;
using Bytes = std::vector<std::byte>;

constexpr std::uint32_t program_number = 1;

void put_u8(Bytes& out, std::uint32_t value) { out.push_back(static_cast<std::byte>(value)); }
void put_u16(Bytes& out, std::uint32_t value) {
  put_u8(out, value >> 8 & 0xFF);
  put_u8(out, value & 0xFF);
}
void put_text(Bytes& out, std::string_view text) {
  for (const char letter : text) put_u8(out, static_cast<unsigned char>(letter));
}

// table_id 8 | syntax 1, zero 1, reserved 2, section_length 12 | extension 16 | reserved 2,
// version 5, current 1 | section number 8 | last section number 8 | body | CRC 32
Bytes make_section(std::uint32_t table_id, std::uint32_t extension, std::uint8_t version,
                   const Bytes& body) {
  Bytes out;
  put_u8(out, table_id);
  put_u16(out, 0xB000U | static_cast<std::uint32_t>(5 + body.size() + 4));
  put_u16(out, extension);
  put_u8(out, 0xC1U | (version & 0x1FU) << 1);
  put_u16(out, 0);
  out.insert(out.end(), body.begin(), body.end());
  const std::uint32_t crc = crc32(out);
  put_u16(out, crc >> 16);
  put_u16(out, crc & 0xFFFF);
  RELAY_ASSERT(out.size() <= section_bytes_max);
  return out;
}

// Table 2-34. MPEG-2 audio has the halved sample rates of layer III.
std::uint32_t stream_type(const Track& track) {
  switch (track.codec) {
    case Codec::h264:
      return 0x1B;
    case Codec::h265:
      return 0x24;
    case Codec::aac:
      return 0x0F;
    case Codec::mp3:
      return track.sample_rate > 0 && track.sample_rate < 32'000 ? 0x04 : 0x03;
    default:
      return 0x06;  // private; a registration descriptor tells
  }
}

void put_registration(Bytes& out, std::string_view identifier) {
  put_u8(out, 0x05);
  put_u8(out, 4);
  put_text(out, identifier);
}

Bytes make_descriptors(const Track& track) {
  Bytes out;
  if (track.codec == Codec::h265) put_registration(out, "HEVC");
  if (track.codec == Codec::opus) {
    put_registration(out, "Opus");
    const auto config = codec::opus::parse_config(track.config);
    put_u8(out, 0x7F);  // extension descriptor
    put_u8(out, 2);
    put_u8(out, 0x80);  // channel_config_code
    put_u8(out, config ? config->channels : 2U);
  }
  if (track.language.size() == 3) {
    put_u8(out, 0x0A);
    put_u8(out, 4);
    put_text(out, track.language);
    put_u8(out, 0);  // audio type: not told
  }
  return out;
}

}  // namespace

Bytes make_pat(std::uint16_t pmt_pid, std::uint8_t version) {
  Bytes body;
  put_u16(body, program_number);
  put_u16(body, 0xE000U | pmt_pid);
  constexpr std::uint32_t transport_stream_id = 1;
  return make_section(0, transport_stream_id, version, body);
}

Bytes make_pmt(std::span<const ProgramStream> streams, std::uint16_t pcr_pid,
               std::uint8_t version) {
  Bytes body;
  put_u16(body, 0xE000U | pcr_pid);
  put_u16(body, 0xF000);  // no descriptors of the program
  for (const ProgramStream& stream : streams) {
    const Bytes descriptors = make_descriptors(*stream.track);
    put_u8(body, stream_type(*stream.track));
    put_u16(body, 0xE000U | stream.pid);
    put_u16(body, 0xF000U | static_cast<std::uint32_t>(descriptors.size()));
    body.insert(body.end(), descriptors.begin(), descriptors.end());
  }
  return make_section(2, program_number, version, body);
}

}  // namespace mpegts

#include "relay/media/codec/opus.hpp"

#include <array>

#include "relay/base/byte_reader.hpp"
#include "relay/media/codec/byte_writer.hpp"

namespace codec::opus {
namespace {

// RFC 7845, 5.1.1.2: three to eight channels of mapping family 1.
struct Layout {
  std::uint8_t streams;
  std::uint8_t coupled;
  std::array<std::uint8_t, 8> mapping;
};
constexpr std::array<Layout, 6> layouts{{
    {2, 1, {0, 2, 1}},
    {2, 2, {0, 1, 2, 3}},
    {3, 2, {0, 4, 1, 2, 3}},
    {4, 2, {0, 4, 1, 2, 3, 5}},
    {4, 3, {0, 4, 1, 2, 3, 5, 6}},
    {5, 3, {0, 6, 1, 2, 3, 4, 5, 7}},
}};

bool is_mapping_sane(base::ByteReader& in, unsigned channels) {
  const unsigned streams = in.u8();
  const unsigned coupled = in.u8();
  const auto mapping = in.take(channels);
  if (!in.ok() || streams == 0 || coupled > streams || streams + coupled > 255) return false;
  for (const std::byte index : mapping) {
    const auto number = std::to_integer<unsigned>(index);
    if (number != 255 && number >= streams + coupled) return false;
  }
  return true;
}

}  // namespace

// Opus in ISOBMFF, 4.3.2: version 8 | channels 8 | pre-skip 16 | input rate 32 | gain 16 |
// mapping family 8 | of other families than 0: streams 8, coupled 8, mapping 8 per channel
std::optional<Config> parse_config(std::span<const std::byte> dops) noexcept {
  base::ByteReader in(dops);
  if (in.u8() != 0) return std::nullopt;
  Config config;
  config.channels = in.u8();
  config.pre_skip = in.u16();
  config.input_rate = in.u32();
  in.skip(2);
  const unsigned family = in.u8();
  if (!in.ok() || config.channels == 0) return std::nullopt;
  if (family == 0 && config.channels > 2) return std::nullopt;
  if (family != 0 && !is_mapping_sane(in, config.channels)) return std::nullopt;
  return config;
}

std::vector<std::byte> make_config(const Config& config) {
  if (config.channels == 0 || config.channels > channels_max) return {};
  ByteWriter out;
  out.u8(0);
  out.u8(config.channels);
  out.u16(config.pre_skip);
  out.u32(config.input_rate);
  out.u16(0);  // gain
  out.u8(config.channels > 2 ? 1 : 0);
  if (config.channels > 2) {
    const Layout& layout = layouts[config.channels - 3U];
    out.u8(layout.streams);
    out.u8(layout.coupled);
    out.append(std::as_bytes(std::span(layout.mapping).first(config.channels)));
  }
  return out.take();
}

std::uint32_t packet_duration(std::span<const std::byte> packet) noexcept {
  // By config, four each: SILK narrow, medium and wide band; then hybrid, two each; then CELT.
  constexpr std::array<std::uint32_t, 4> silk{480, 960, 1920, 2880};
  constexpr std::array<std::uint32_t, 2> hybrid{480, 960};
  constexpr std::array<std::uint32_t, 4> celt{120, 240, 480, 960};
  constexpr std::uint32_t duration_max = 5760;  // 120 ms
  base::ByteReader in(packet);
  const unsigned toc = in.u8();
  if (!in.ok()) return 0;
  const unsigned mode = toc >> 3;
  const std::uint32_t frame = mode < 12   ? silk[mode % 4]
                              : mode < 16 ? hybrid[mode % 2]
                                          : celt[mode % 4];
  const unsigned code = toc & 3;
  const std::uint32_t frames = code == 0 ? 1 : code < 3 ? 2 : in.u8() & 0x3FU;
  const std::uint32_t duration = frame * frames;
  return duration <= duration_max ? duration : 0;
}

// prefix 11 = 0x3FF, start trim 1, end trim 1, extension 1, reserved 2 | size: bytes that add up,
// all but the last 255 | reserved 3, start trim 13 | reserved 3, end trim 13 | length 8, extension
std::optional<ControlHeader> parse_control_header(std::span<const std::byte> bytes) noexcept {
  base::ByteReader in(bytes);
  const unsigned head = in.u16();
  if (!in.ok() || (head & 0xFFE0) != 0x7FE0) return std::nullopt;
  ControlHeader header;
  for (unsigned part = 0xFF; part == 0xFF;) {
    part = in.u8();
    header.payload_bytes += part;
    if (header.payload_bytes > access_unit_bytes_max) return std::nullopt;
  }
  if ((head & 0x10) != 0) header.start_trim = in.u16() & 0x1FFF;
  if ((head & 0x08) != 0) header.end_trim = in.u16() & 0x1FFF;
  if ((head & 0x04) != 0) in.skip(in.u8());
  if (!in.ok()) return std::nullopt;
  header.header_bytes = bytes.size() - in.remaining();
  return header;
}

std::vector<std::byte> make_control_header(std::size_t payload_bytes) {
  ByteWriter out;
  out.u16(0x7FE0);
  for (; payload_bytes >= 0xFF; payload_bytes -= 0xFF) out.u8(0xFF);
  out.u8(static_cast<std::uint32_t>(payload_bytes));
  return out.take();
}

}  // namespace codec::opus

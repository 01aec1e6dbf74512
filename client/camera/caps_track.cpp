#include "client/camera/caps_track.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string_view>

#include "relay/base/byte_reader.hpp"
#include "relay/media/codec/byte_writer.hpp"
#include "relay/media/codec/opus.hpp"

namespace client::camera {
namespace {

using media::Codec;
using media::Kind;

std::uint32_t number(const GstStructure* fields, const char* name) {
  int value = 0;
  if (!gst_structure_get_int(fields, name, &value) || value < 0) return 0;
  return static_cast<std::uint32_t>(value);
}

std::uint32_t unsigned_number(const GstStructure* fields, const char* name) {
  unsigned value = 0;
  return gst_structure_get_uint(fields, name, &value) ? value : 0;
}

std::vector<std::byte> copy_buffer(GstBuffer* buffer) {
  std::vector<std::byte> bytes(gst_buffer_get_size(buffer));
  gst_buffer_extract(buffer, 0, bytes.data(), bytes.size());
  return bytes;
}

std::vector<std::byte> codec_data(const GstStructure* fields) {
  const GValue* value = gst_structure_get_value(fields, "codec_data");
  if (value == nullptr || !GST_VALUE_HOLDS_BUFFER(value)) return {};
  return copy_buffer(gst_value_get_buffer(value));
}

// RFC 7845, 5.1: OpusHead is dOps (its 4.3.2 in MP4) with a magic before it, another version and
// the other byte order.
std::vector<std::byte> to_dops(std::span<const std::byte> head) {
  constexpr std::size_t head_bytes = 19;
  if (head.size() < head_bytes || std::memcmp(head.data(), "OpusHead", 8) != 0) return {};
  const auto at = [head](std::size_t index) { return std::to_integer<std::uint32_t>(head[index]); };
  codec::ByteWriter out;
  out.u8(0);
  out.u8(at(9));                                                // channels
  out.u16(at(11) << 8 | at(10));                                // pre-skip
  out.u32(at(15) << 24 | at(14) << 16 | at(13) << 8 | at(12));  // input sample rate
  out.u16(at(17) << 8 | at(16));                                // gain
  out.u8(at(18));                                               // mapping family
  if (at(18) != 0) out.append(head.subspan(head_bytes));
  return out.take();
}

std::vector<std::byte> opus_config(const GstStructure* fields) {
  const GValue* headers = gst_structure_get_value(fields, "streamheader");
  if (headers != nullptr && GST_VALUE_HOLDS_ARRAY(headers) &&
      gst_value_array_get_size(headers) > 0) {
    const GValue* first = gst_value_array_get_value(headers, 0);
    if (GST_VALUE_HOLDS_BUFFER(first)) {
      auto config = to_dops(copy_buffer(gst_value_get_buffer(first)));
      if (codec::opus::parse_config(config)) return config;
    }
  }
  const auto channels = static_cast<std::uint8_t>(number(fields, "channels"));
  return codec::opus::make_config({channels, 0, codec::opus::sample_rate});
}

// The VPCodecConfigurationRecord (VP Codec ISO Media File Format Binding, 2.2) behind version and
// flags. The level is not looked for: 1 says hardly more than that it is not known.
std::vector<std::byte> vp9_config(const GstStructure* fields) {
  const char* profile = gst_structure_get_string(fields, "profile");
  const char* chroma = gst_structure_get_string(fields, "chroma-format");
  const std::uint32_t depth = std::max(unsigned_number(fields, "bit-depth-luma"), 8U);
  const std::string_view format = chroma != nullptr ? chroma : "4:2:0";
  const std::uint32_t subsampling = format == "4:4:4" ? 3 : format == "4:2:2" ? 2 : 1;
  codec::ByteWriter out;
  out.u32(0x0100'0000);  // version 1
  out.u8(profile != nullptr ? static_cast<std::uint32_t>(profile[0] - '0') & 3 : 0);
  out.u8(10);                                         // level 1
  out.u8(depth << 4 | subsampling << 1);              // limited range
  for (int index = 0; index < 3; ++index) out.u8(2);  // colours: unspecified
  out.u16(0);                                         // codecInitializationData
  return out.take();
}

std::optional<Codec> mpeg_audio(const GstStructure* fields) {
  const std::uint32_t version = number(fields, "mpegversion");
  if (version == 2 || version == 4) return Codec::aac;
  if (version == 1 && number(fields, "layer") == 3) return Codec::mp3;
  return std::nullopt;
}

std::optional<Codec> codec_of(const GstStructure* fields) {
  const std::string_view name = gst_structure_get_name(fields);
  if (name == "video/x-h264") return Codec::h264;
  if (name == "video/x-h265") return Codec::h265;
  if (name == "video/x-av1") return Codec::av1;
  if (name == "video/x-vp9") return Codec::vp9;
  if (name == "audio/x-opus") return Codec::opus;
  if (name == "audio/mpeg") return mpeg_audio(fields);
  return std::nullopt;
}

}  // namespace

std::optional<media::Track> read_caps(const GstCaps* caps) {
  if (gst_caps_is_empty(caps) || gst_caps_is_any(caps)) return std::nullopt;
  const GstStructure* fields = gst_caps_get_structure(caps, 0);
  const auto codec = codec_of(fields);
  if (!codec) return std::nullopt;
  media::Track track;
  track.codec = *codec;
  const bool is_video = std::string_view(gst_structure_get_name(fields)).starts_with("video/");
  track.kind = is_video ? Kind::video : Kind::audio;
  if (is_video) {
    track.width = number(fields, "width");
    track.height = number(fields, "height");
    if (*codec == Codec::vp9) track.config = vp9_config(fields);
    // Those of H.264, H.265 and AV1 are made from what stands in the stream.
    return track;
  }
  track.sample_rate = number(fields, "rate");
  track.channels = number(fields, "channels");
  if (*codec == Codec::aac) track.config = codec_data(fields);
  if (*codec == Codec::opus) {
    track.config = opus_config(fields);
    track.sample_rate = codec::opus::sample_rate;
  }
  if (track.sample_rate != 0) track.timescale = track.sample_rate;
  return track;
}

}  // namespace client::camera

#include "client/camera/frame_converter.hpp"

#include <algorithm>
#include <utility>

#include "relay/base/byte_reader.hpp"
#include "relay/media/codec/aac.hpp"
#include "relay/media/codec/av1.hpp"
#include "relay/media/codec/mp3.hpp"
#include "relay/media/codec/opus.hpp"

namespace client::camera {
namespace {

using Bytes = std::span<const std::byte>;
using media::Codec;

void append(std::vector<std::byte>& out, Bytes bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace

FrameConverter::FrameConverter(media::Track track)
    : track_(std::move(track)), nal_frames_(track_.codec) {}

bool FrameConverter::is_known() const noexcept {
  switch (track_.codec) {
    case Codec::h264:
    case Codec::h265:
    case Codec::av1:
    case Codec::vp9:
      return !track_.config.empty() && track_.width != 0;
    case Codec::aac:
    case Codec::opus:
      return !track_.config.empty();
    case Codec::mp3:
      return track_.sample_rate != 0;
    case Codec::unknown:
      break;
  }
  return false;
}

std::optional<FrameConverter::Frame> FrameConverter::convert(Bytes bytes, bool is_delta,
                                                             std::vector<std::byte>& out) {
  if (bytes.empty()) return std::nullopt;
  switch (track_.codec) {
    case Codec::h264:
    case Codec::h265:
      return convert_nal_units(bytes, out);
    case Codec::av1:
      return convert_av1(bytes, is_delta, out);
    case Codec::vp9:
      if (!is_known()) return std::nullopt;
      append(out, bytes);
      return Frame{!is_delta};
    case Codec::aac:
      return convert_aac(bytes, out);
    case Codec::opus:
      append(out, bytes);
      return Frame{true, codec::opus::packet_duration(bytes)};
    case Codec::mp3:
      return convert_mp3(bytes, out);
    case Codec::unknown:
      break;
  }
  return std::nullopt;
}

std::optional<FrameConverter::Frame> FrameConverter::convert_nal_units(
    Bytes bytes, std::vector<std::byte>& out) {
  const auto found = nal_frames_.convert(bytes, out);
  if (!found) return std::nullopt;
  Frame frame{found->sync};
  if (found->has_new_sets) {
    const auto size = nal_frames_.sets().size();
    std::vector<std::byte> config = nal_frames_.sets().make_config();
    is_broken_ = !size || config.empty();
    if (size && !config.empty() && config != track_.config) {
      track_.width = size->width;
      track_.height = size->height;
      track_.config = std::move(config);
      frame.is_new_track = true;
    }
  }
  if (!is_known() || is_broken_) return std::nullopt;
  return frame;
}

std::optional<FrameConverter::Frame> FrameConverter::convert_av1(Bytes bytes, bool is_delta,
                                                                 std::vector<std::byte>& out) {
  const std::size_t begin = out.size();
  if (!append_without_delimiters(bytes, out)) return std::nullopt;
  const Bytes frame_bytes = Bytes(out).subspan(begin);
  Frame frame{!is_delta};
  if (frame.sync) {
    const Bytes head =
        frame_bytes.first(std::min(frame_bytes.size(), codec::av1::config_bytes_max));
    auto config = codec::av1::make_config(head);
    const auto size = config ? codec::av1::parse_config(*config) : std::nullopt;
    if (size && *config != track_.config) {
      track_.width = size->width;
      track_.height = size->height;
      track_.config = std::move(*config);
      frame.is_new_track = true;
    }
  }
  if (!is_known()) return std::nullopt;
  return frame;
}

std::optional<FrameConverter::Frame> FrameConverter::convert_aac(Bytes bytes,
                                                                 std::vector<std::byte>& out) {
  Frame frame{true};
  // Caps may say "raw" and mean it, or carry no configuration and frames with a header each.
  if (track_.config.empty()) {
    const auto header = codec::aac::parse_adts(bytes);
    if (!header) return std::nullopt;
    track_.config = codec::aac::make_config(*header);
    if (track_.config.empty()) return std::nullopt;
    track_.sample_rate = track_.timescale = header->sample_rate;
    track_.channels = header->channels;
    frame.is_new_track = true;
  }
  const auto config = codec::aac::parse_config(track_.config);
  if (!config) return std::nullopt;
  // A raw frame begins with the id of an element, and that of the end, 7, is the only one that an
  // ADTS header could be taken for.
  if (const auto header = codec::aac::parse_adts(bytes);
      header && header->frame_bytes == bytes.size() && header->header_bytes < bytes.size()) {
    bytes = bytes.subspan(header->header_bytes);
  }
  // The core's frame is as long as its rate says, whatever SBR makes of it.
  const std::uint64_t samples = config->samples_per_frame;
  if (config->sample_rate != 0) {
    frame.duration = static_cast<std::uint32_t>(samples * track_.timescale / config->sample_rate);
  }
  append(out, bytes);
  return frame;
}

std::optional<FrameConverter::Frame> FrameConverter::convert_mp3(Bytes bytes,
                                                                 std::vector<std::byte>& out) {
  const auto header = codec::mp3::parse_header(bytes);
  if (!header) return std::nullopt;
  Frame frame{true};
  if (track_.sample_rate != header->sample_rate) {
    // The timescale stays: times that were given in it are on the wire already.
    if (track_.sample_rate == 0) track_.timescale = header->sample_rate;
    track_.sample_rate = header->sample_rate;
    track_.channels = header->channels;
    frame.is_new_track = true;
  }
  const std::uint64_t ticks = std::uint64_t{header->frame_samples} * track_.timescale;
  frame.duration = static_cast<std::uint32_t>(ticks / header->sample_rate);
  append(out, bytes);
  return frame;
}

bool append_without_delimiters(Bytes unit, std::vector<std::byte>& out) {
  constexpr unsigned temporal_delimiter = 2;
  const std::size_t begin = out.size();
  base::ByteReader in(unit);
  while (in.remaining() > 0) {
    const std::size_t start = unit.size() - in.remaining();
    const unsigned header = in.u8();
    if ((header & 4) != 0) in.skip(1);  // obu_extension_flag
    std::uint64_t size = in.remaining();
    if ((header & 2) != 0) {  // obu_has_size_field: leb128 (4.10.5)
      size = 0;
      for (unsigned index = 0; index < 8; ++index) {
        const std::uint64_t byte = in.u8();
        size |= (byte & 0x7F) << (7 * index);
        if ((byte & 0x80) == 0) break;
      }
    }
    if ((header & 0x80) != 0 || !in.ok() || size > in.remaining()) {
      out.resize(begin);
      return false;
    }
    in.skip(static_cast<std::size_t>(size));
    if ((header >> 3 & 0xF) == temporal_delimiter) continue;
    append(out, unit.subspan(start, unit.size() - in.remaining() - start));
  }
  if (out.size() == begin) return false;
  return true;
}

}  // namespace client::camera

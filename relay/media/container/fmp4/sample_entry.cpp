#include "relay/media/container/fmp4/sample_entry.hpp"

#include <algorithm>
#include <optional>

#include "relay/media/codec/aac.hpp"
#include "relay/media/codec/h264_config.hpp"
#include "relay/media/codec/h265_config.hpp"
#include "relay/media/codec/opus.hpp"
#include "relay/media/container/fmp4/box.hpp"

namespace fmp4 {
namespace {

using media::Codec;
using media::Kind;
using Bytes = std::span<const std::byte>;

struct Coding {
  FourCc entry;
  Codec codec;
  Kind kind;
  FourCc config;  // the box with the decoder's configuration, 0 if there is none
};

constexpr Coding codings[] = {
    {fourcc("avc1"), Codec::h264, Kind::video, fourcc("avcC")},
    {fourcc("avc3"), Codec::h264, Kind::video, fourcc("avcC")},
    {fourcc("hvc1"), Codec::h265, Kind::video, fourcc("hvcC")},
    {fourcc("hev1"), Codec::h265, Kind::video, fourcc("hvcC")},
    {fourcc("av01"), Codec::av1, Kind::video, fourcc("av1C")},
    {fourcc("vp09"), Codec::vp9, Kind::video, fourcc("vpcC")},
    {fourcc("mp4a"), Codec::aac, Kind::audio, fourcc("esds")},
    {fourcc("Opus"), Codec::opus, Kind::audio, fourcc("dOps")},
    {fourcc(".mp3"), Codec::mp3, Kind::audio, 0},
};

const Coding* find_coding(FourCc entry) noexcept {
  for (const Coding& coding : codings) {
    if (coding.entry == entry) return &coding;
  }
  return nullptr;
}

// 8.5.2.2 and 12.1.3; the reader then stands at the boxes inside.
void read_video_fields(base::ByteReader& reader, media::Track& track) noexcept {
  reader.skip(8 + 16);  // data_reference_index; pre_defined
  track.width = reader.u16();
  track.height = reader.u16();
  reader.skip(14 + 32 + 4);  // resolution, frame_count; compressorname; depth
}

// 8.5.2.2 and 12.2.3
void read_audio_fields(base::ByteReader& reader, bool is_quicktime, media::Track& track) noexcept {
  reader.skip(8);
  const std::uint16_t version = reader.u16();
  reader.skip(6);
  track.channels = reader.u16();
  reader.skip(6);
  track.sample_rate = reader.u32() >> 16;
  // QuickTime puts more fields before the boxes; ISO marks its own version 1 in `stsd` and does
  // not.
  if (is_quicktime && version == 1) reader.skip(16);
  if (is_quicktime && version == 2) reader.skip(36);
}

base::Result<std::optional<Bytes>> find_box(Bytes boxes, FourCc type) {
  BoxWalk walk(boxes);
  while (true) {
    const auto box = walk.next();
    if (!box) return box.error();
    if (!*box) return std::nullopt;
    if ((*box)->type == type) return (*box)->payload;
  }
}

void add_units(std::vector<std::byte>& out, const std::vector<std::vector<std::byte>>& units) {
  for (const auto& unit : units) {
    for (const unsigned shift : {24U, 16U, 8U, 0U}) {
      out.push_back(static_cast<std::byte>(unit.size() >> shift & 0xFF));
    }
    out.insert(out.end(), unit.begin(), unit.end());
  }
}

constexpr std::size_t avcc_length_at = 4;   // ISO/IEC 14496-15, 5.3.3.1: lengthSizeMinusOne
constexpr std::size_t hvcc_length_at = 21;  // 8.3.3.1

base::Result<void> read_nal_config(Bytes record, media::Track& track, NalFormat& nal) {
  nal.codec = track.codec;
  bool is_complete = false;
  if (track.codec == Codec::h264) {
    const auto config = codec::h264::parse_config(record);
    if (!config) return Errc::bad_config;
    nal.length_bytes = config->length_bytes;
    is_complete = !config->sps.empty() && !config->pps.empty();
    add_units(nal.parameter_sets, config->sps);
    add_units(nal.parameter_sets, config->pps);
  } else {
    const auto config = codec::h265::parse_config(record);
    if (!config) return Errc::bad_config;
    nal.length_bytes = config->length_bytes;
    is_complete = !config->vps.empty() && !config->sps.empty() && !config->pps.empty();
    add_units(nal.parameter_sets, config->vps);
    add_units(nal.parameter_sets, config->sps);
    add_units(nal.parameter_sets, config->pps);
  }
  if (nal.parameter_sets.size() > NalUnits::parameter_sets_bytes_max) return Errc::config_too_big;
  if (!is_complete) {
    nal.parameter_sets.clear();
    return {};
  }
  track.config.assign(record.begin(), record.end());
  track.config[track.codec == Codec::h264 ? avcc_length_at : hvcc_length_at] |= std::byte{3};
  return {};
}

// A descriptor of ISO/IEC 14496-1, 8.3.3: tag, then the length in groups of seven bits.
struct Descriptor {
  std::uint8_t tag = 0;
  Bytes payload;
};

Descriptor read_descriptor(base::ByteReader& reader) noexcept {
  Descriptor descriptor;
  descriptor.tag = reader.u8();
  std::uint32_t length = 0;
  for (int group = 0; group < 4; ++group) {
    const std::uint8_t byte = reader.u8();
    length = length << 7 | (byte & 0x7FU);
    if ((byte & 0x80) == 0) break;
  }
  // Some muxers count too much; what there is counts then.
  descriptor.payload = reader.take(std::min<std::size_t>(length, reader.remaining()));
  return descriptor;
}

constexpr std::uint8_t es_tag = 3;
constexpr std::uint8_t decoder_config_tag = 4;
constexpr std::uint8_t decoder_info_tag = 5;

// ISO/IEC 14496-1, 7.2.6.5: the ES_Descriptor of an `esds` box.
base::Result<void> read_esds(Bytes esds, media::Track& track) {
  base::ByteReader reader(esds);
  const FullBox full(reader);
  const Descriptor es = read_descriptor(reader);
  base::ByteReader es_reader(es.payload);
  es_reader.skip(2);
  const std::uint8_t flags = es_reader.u8();
  if ((flags & 0x80) != 0) es_reader.skip(2);               // dependsOn_ES_ID
  if ((flags & 0x40) != 0) es_reader.skip(es_reader.u8());  // URL
  if ((flags & 0x20) != 0) es_reader.skip(2);               // OCR_ES_Id
  const Descriptor decoder = read_descriptor(es_reader);
  base::ByteReader decoder_reader(decoder.payload);
  const std::uint8_t object_type = decoder_reader.u8();
  decoder_reader.skip(12);  // stream type, buffer size, bit rates
  if (es.tag != es_tag || decoder.tag != decoder_config_tag || !decoder_reader.ok()) {
    return Errc::bad_config;
  }
  switch (object_type) {
    case 0x69:  // MPEG-2 and MPEG-1 audio
    case 0x6B:
      track.codec = Codec::mp3;
      return {};
    case 0x40:  // MPEG-4 audio; the next are the MPEG-2 AAC profiles
    case 0x66:
    case 0x67:
    case 0x68:
      break;
    default:
      track.codec = Codec::unknown;
      return {};
  }
  const Descriptor info = read_descriptor(decoder_reader);
  if (info.tag != decoder_info_tag || info.payload.empty()) return Errc::bad_config;
  track.config.assign(info.payload.begin(), info.payload.end());
  // The sample entry cannot say rates above 65535, and often says two channels for any number.
  if (const auto config = codec::aac::parse_config(info.payload)) {
    if (config->sample_rate != 0) track.sample_rate = config->sample_rate;
    if (config->channels != 0) track.channels = config->channels;
  }
  return {};
}

base::Result<void> read_config(Bytes record, media::Track& track, NalFormat& nal) {
  switch (track.codec) {
    case Codec::h264:
    case Codec::h265:
      return read_nal_config(record, track, nal);
    case Codec::aac:
      return read_esds(record, track);
    case Codec::opus: {
      const auto config = codec::opus::parse_config(record);
      if (!config) return Errc::bad_config;
      track.channels = config->channels;
      track.sample_rate = codec::opus::sample_rate;
      break;
    }
    case Codec::av1:
      // ffmpeg's empty_moov knows no more yet of some encoders; samples have the sequence header.
      if (record.empty()) return {};
      [[fallthrough]];
    default:
      if (record.size() < 4) return Errc::bad_config;
      break;
  }
  track.config.assign(record.begin(), record.end());
  return {};
}

}  // namespace

base::Result<void> read_sample_description(Bytes stsd, media::Track& track, NalFormat& nal) {
  base::ByteReader reader(stsd);
  const FullBox full(reader);
  reader.skip(4);  // entry_count
  if (!reader.ok()) return Errc::truncated_box;
  const auto entry = BoxWalk(reader.rest()).next();
  if (!entry) return entry.error();
  if (!*entry) return Errc::incomplete_moov;
  const Coding* coding = find_coding((*entry)->type);
  if (coding == nullptr) return {};
  track.codec = coding->codec;
  track.kind = coding->kind;
  base::ByteReader fields((*entry)->payload);
  if (track.kind == Kind::video) {
    read_video_fields(fields, track);
  } else {
    read_audio_fields(fields, full.version == 0, track);
  }
  if (!fields.ok()) return Errc::truncated_box;
  if (coding->config == 0) return {};
  const auto record = find_box(fields.rest(), coding->config);
  if (!record) return record.error();
  if (!*record) return Errc::bad_config;
  return read_config(**record, track, nal);
}

}  // namespace fmp4

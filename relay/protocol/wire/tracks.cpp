#include "relay/protocol/wire/tracks.hpp"

#include <algorithm>

#include "relay/base/assert.hpp"

namespace wire {
namespace {

constexpr media::Codec codecs[] = {media::Codec::h264, media::Codec::h265, media::Codec::av1,
                                   media::Codec::vp9,  media::Codec::aac,  media::Codec::opus,
                                   media::Codec::mp3};

media::Kind kind_of(media::Codec codec, const Track& track) noexcept {
  switch (codec) {
    case media::Codec::h264:
    case media::Codec::h265:
    case media::Codec::av1:
    case media::Codec::vp9:
      return media::Kind::video;
    case media::Codec::aac:
    case media::Codec::opus:
    case media::Codec::mp3:
      return media::Kind::audio;
    case media::Codec::unknown:
      break;
  }
  if (track.width > 0) return media::Kind::video;
  return track.sample_rate > 0 ? media::Kind::audio : media::Kind::data;
}

// FNV-1a, 32 bits.
class Hash {
 public:
  void add(std::uint8_t byte) noexcept { value_ = (value_ ^ byte) * 0x01000193; }
  void add(std::uint32_t number) noexcept {
    for (int shift = 0; shift < 32; shift += 8) add(static_cast<std::uint8_t>(number >> shift));
  }
  // With its length, or two texts could be told as two others.
  template <class Text>
  void add(const Text& text) noexcept {
    add(static_cast<std::uint32_t>(text.size()));
    for (const auto byte : text) add(static_cast<std::uint8_t>(byte));
  }
  std::uint32_t value() const noexcept { return value_; }

 private:
  std::uint32_t value_ = 0x811c9dc5;
};

bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

}  // namespace

media::Track to_media(const Track& track) {
  media::Track made;
  for (const media::Codec codec : codecs) {
    if (track.codec == media::name(codec)) made.codec = codec;
  }
  made.kind = kind_of(made.codec, track);
  made.timescale = track.timescale;
  made.config = track.config;
  made.width = track.width;
  made.height = track.height;
  made.sample_rate = track.sample_rate;
  made.channels = track.channels;
  if (std::ranges::all_of(track.language, is_letter)) made.language = track.language;
  return made;
}

std::vector<media::Track> to_media(const Tracks& tracks) {
  std::vector<media::Track> made;
  for (const Track& track : tracks.tracks) {
    made.push_back(to_media(track));
    made.back().id = static_cast<std::uint32_t>(made.size());
  }
  return made;
}

Track from_media(const media::Track& track) {
  Track made;
  made.codec = media::name(track.codec);
  made.timescale = track.timescale;
  if (track.config.size() <= config_bytes_max) made.config = track.config;
  made.width = track.width;
  made.height = track.height;
  made.sample_rate = track.sample_rate;
  made.channels = track.channels;
  if (track.language.size() <= language_bytes_max &&
      std::ranges::all_of(track.language, is_letter)) {
    made.language = track.language;
  }
  return made;
}

Tracks from_media(std::span<const media::Track> tracks, std::uint32_t version) {
  RELAY_ASSERT(version != 0);
  Tracks made;
  made.version = version;
  for (const media::Track& track : tracks.first(std::min(tracks.size(), tracks_max))) {
    made.tracks.push_back(from_media(track));
  }
  return made;
}

std::uint32_t version_of(const std::vector<Track>& tracks) noexcept {
  Hash hash;
  for (const Track& track : tracks) {
    hash.add(track.codec);
    hash.add(track.timescale);
    hash.add(track.config);
    hash.add(track.width);
    hash.add(track.height);
    hash.add(track.sample_rate);
    hash.add(track.channels);
    hash.add(track.language);
  }
  return std::max<std::uint32_t>(hash.value(), 1);
}

}  // namespace wire

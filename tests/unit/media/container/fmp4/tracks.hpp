#pragma once

#include "relay/media/codec/opus.hpp"
#include "relay/media/track.hpp"
#include "tests/unit/media/container/fmp4/boxes.hpp"

/// Tracks with configurations that are short and right.
namespace test {

inline media::Track video_track(media::Codec codec, Bytes config) {
  media::Track track;
  track.codec = codec;
  track.kind = media::Kind::video;
  track.width = 1280;
  track.height = 720;
  track.config = std::move(config);
  return track;
}

inline media::Track h264_track() {
  // One SPS of four bytes, one PPS of two; the lengths have two bytes.
  return video_track(media::Codec::h264, bytes_of({1, 0x42, 0xC0, 0x1F, 0xFD, 0xE1, 0, 4, 0x67,
                                                   0x42, 0xC0, 0x1F, 1, 0, 2, 0x68, 0xCE}));
}

inline media::Track h265_track() {
  Bytes config = bytes_of({1,  1,    0x60, 0,    0,    0,    0x90, 0, 0, 0,    0, 0,
                           93, 0xF0, 0,    0xFC, 0xFD, 0xF8, 0xF8, 0, 0, 0x0D, 2});
  const Bytes arrays =
      bytes_of({0xA0, 0, 1, 0, 2, 0x40, 1, 0xA1, 0, 2, 0, 2, 0x42, 1, 0, 3, 0x42, 1, 7});
  config.insert(config.end(), arrays.begin(), arrays.end());
  return video_track(media::Codec::h265, config);
}

/// MP4 cannot say what it is.
inline media::Track vp9_without_config() { return video_track(media::Codec::vp9, {}); }

inline media::Track audio_track(media::Codec codec, Bytes config, std::uint32_t rate) {
  media::Track track;
  track.codec = codec;
  track.kind = media::Kind::audio;
  track.sample_rate = rate;
  track.timescale = rate;
  track.channels = 2;
  track.config = std::move(config);
  return track;
}

inline media::Track aac_track() {
  return audio_track(media::Codec::aac, bytes_of({0x11, 0x90}), 48'000);
}

inline media::Track opus_track() {
  return audio_track(media::Codec::opus, codec::opus::make_config({2, 312, 48'000}), 48'000);
}

}  // namespace test

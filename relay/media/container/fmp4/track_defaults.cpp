#include "relay/media/container/fmp4/track_defaults.hpp"

#include "relay/media/codec/aac.hpp"
#include "relay/media/codec/opus.hpp"
#include "relay/media/timescale.hpp"

namespace fmp4 {
namespace {

using media::Codec;
using media::Track;

// 30 frames a second: what 2 % of overhead at 2 Mbit/s leaves least room for of the usual rates.
// Timescales that are chosen after a frame rate tell which.
std::uint32_t video_duration(std::uint32_t timescale) {
  switch (timescale) {
    case 24'000:
    case 30'000:
    case 60'000:
      return 1001;
    default:
      return timescale % 30 == 0 ? timescale / 30 : timescale / 25;
  }
}

std::uint32_t mp3_samples(std::uint32_t sample_rate) {
  return sample_rate >= 32'000 ? 1152 : 576;  // MPEG-1, MPEG-2 and 2.5
}

std::uint32_t audio_duration(const Track& track, std::uint32_t samples, std::uint32_t rate) {
  if (rate == 0) return 0;
  return static_cast<std::uint32_t>(media::rescale(samples, track.timescale, rate));
}

std::uint32_t aac_duration(const Track& track) {
  const auto config = codec::aac::parse_config(track.config);
  if (!config) return 0;
  return audio_duration(track, config->samples_per_frame, config->sample_rate);
}

}  // namespace

bool is_video(Codec codec) noexcept {
  return codec == Codec::h264 || codec == Codec::h265 || codec == Codec::av1 || codec == Codec::vp9;
}

std::uint32_t sample_rate_of(const Track& track) noexcept {
  if (track.codec == Codec::opus) return codec::opus::sample_rate;
  if (track.sample_rate != 0 || track.codec != Codec::aac) return track.sample_rate;
  const auto config = codec::aac::parse_config(track.config);
  return config ? config->sample_rate : 0;
}

TrackDefaults defaults_of(const Track& track) noexcept {
  switch (track.codec) {
    case Codec::aac:
      return {aac_duration(track), sync_flags};
    case Codec::opus:
      return {audio_duration(track, 960, codec::opus::sample_rate), sync_flags};  // 20 ms
    case Codec::mp3:
      return {audio_duration(track, mp3_samples(track.sample_rate), track.sample_rate), sync_flags};
    default:
      return {video_duration(track.timescale), non_sync_flags};
  }
}

}  // namespace fmp4

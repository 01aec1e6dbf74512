#include "relay/stream/sample_input.hpp"

#include <algorithm>

#include "relay/media/codec/aac.hpp"
#include "relay/media/container.hpp"
#include "relay/media/container/fmp4/writer.hpp"

namespace stream {
namespace {

using media::Kind;
using media::Track;

// Configurations that say the same need not be the same bytes: some tell what is the default.
bool is_same_aac(std::span<const std::byte> config, std::span<const std::byte> other) {
  const auto left = codec::aac::parse_config(config);
  const auto right = codec::aac::parse_config(other);
  if (!left || !right) return std::ranges::equal(config, other);
  return left->object_type == right->object_type && left->sample_rate == right->sample_rate &&
         left->channel_config == right->channel_config &&
         left->samples_per_frame == right->samples_per_frame;
}

// Samples of `track` are samples of `other`, too.
bool is_continued(const Track& track, const Track& other) {
  return track.id == other.id && track.timescale == other.timescale && can_follow(track, other);
}

// Its codec is one of ours, so what its decoder needs is found sooner or later.
bool is_complete(const Track& track) {
  return !media::can_hold(media::Container::fmp4, track.codec) || fmp4::can_write(track);
}

}  // namespace

bool can_follow(const Track& track, const Track& other) {
  if (track.codec != other.codec || track.kind != other.kind) return false;
  const bool is_same_sound =
      track.sample_rate == other.sample_rate && track.channels == other.channels;
  switch (track.codec) {
    case media::Codec::h264:
    case media::Codec::h265:
    case media::Codec::vp9:
      return true;
    case media::Codec::aac:
      return is_same_aac(track.config, other.config);
    case media::Codec::opus:
    case media::Codec::mp3:
      return is_same_sound;
    default:
      return track.config == other.config;
  }
}

bool begins_with_sync(std::span<const media::Sample> samples,
                      std::span<const Track> tracks) noexcept {
  const auto is_video = [tracks](const media::Sample& sample) {
    return tracks[sample.track].kind == Kind::video;
  };
  const auto first = std::ranges::find_if(samples, is_video);
  if (first != samples.end()) return first->sync;
  return !samples.empty() && std::ranges::find(tracks, Kind::video, &Track::kind) == tracks.end();
}

bool SampleInput::read(const Chunk& source) {
  const bool is_other = std::exchange(discontinuity_, source.discontinuity) != source.discontinuity;
  if (source.container == media::Container::mpegts) return read_packets(source, is_other);
  reader_.reset();
  if (std::exchange(source_tracks_, source.tracks) != source.tracks) {
    samples_.clear();  // they mean other tracks
    set_tracks(source.tracks->tracks);
  }
  samples_.insert(samples_.end(), source.samples.begin(), source.samples.end());
  return true;
}

bool SampleInput::read_packets(const Chunk& source, bool is_other) {
  source_tracks_.reset();
  // Another publisher begins with a sync frame. What its tracks are is to be seen anew, or its
  // first frames would be shown as if nothing else, such as its sound, had changed.
  if (!reader_ || (is_other && source.sync)) {
    reader_.emplace(pool_);
    reader_version_.reset();
    samples_.clear();
  } else if (is_other) {
    reader_->on_discontinuity();
  }
  const auto fed =
      reader_->feed(source.bytes, {source.stamp_offset, source.time}, source.is_frame_open);
  if (const auto version = reader_->tracks_version(); version != reader_version_) {
    reader_version_ = version;
    set_tracks(reader_->tracks());
  }
  while (auto sample = reader_->poll()) samples_.push_back(std::move(*sample));
  return fed.has_value();
}

void SampleInput::set_tracks(std::span<const Track> tracks) {
  // What is held back means tracks by their places, and times in their timescales.
  std::erase_if(samples_, [&](const media::Sample& sample) {
    return sample.track >= tracks.size() ||
           !is_continued(tracks_[sample.track], tracks[sample.track]);
  });
  tracks_.assign(tracks.begin(), tracks.end());
  tracks_changed_ = true;
}

// Nothing is said of tracks before all of them are known, or it would be taken back soon.
bool SampleInput::is_ready(const Chunk& source) {
  const bool is_held_long = held_since_ && source.time - *held_since_ > hold_max;
  if (!tracks_changed_ || is_held_long || samples_.size() >= held_samples_max ||
      std::ranges::all_of(tracks_, is_complete)) {
    held_since_.reset();
    return true;
  }
  if (!held_since_) held_since_ = source.time;
  return false;
}

void SampleInput::drop() {
  if (reader_) reader_->on_discontinuity();
  samples_.clear();
  held_since_.reset();
}

}  // namespace stream

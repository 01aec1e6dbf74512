#include "relay/stream/fmp4_remuxer.hpp"

#include <algorithm>
#include <utility>

#include "relay/media/codec/aac.hpp"
#include "relay/media/timescale.hpp"

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

// The decoder goes on with `other` where it had `track`: video says its new parameter sets in-band,
// audio has no such way.
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

// Samples of `track` are samples of `other`, too.
bool is_continued(const Track& track, const Track& other) {
  return track.id == other.id && track.timescale == other.timescale && can_follow(track, other);
}

bool is_wanted(const Track& track) { return media::can_hold(media::Container::fmp4, track.codec); }

}  // namespace

Fmp4Remuxer::Fmp4Remuxer(memory::BlockPool& pool) : pool_(pool), headers_(pool) {}

void Fmp4Remuxer::remux(const Chunk& source, Chunk& out) {
  out.container = media::Container::fmp4;
  out.sync = false;
  out.continues_frame = false;
  out.is_frame_open = false;
  out.generation = generation_;
  if (!read(source)) return lose(out);
  if (!is_ready(source)) {
    if (!held_since_) held_since_ = source.time;
    return;
  }
  held_since_.reset();
  if (std::exchange(tracks_changed_, false)) use_tracks();
  route_samples();
  write(source, out);
}

// Takes the chunk's samples behind those that are held back; false: no block was free.
bool Fmp4Remuxer::read(const Chunk& source) {
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

bool Fmp4Remuxer::read_packets(const Chunk& source, bool is_other) {
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

void Fmp4Remuxer::set_tracks(std::span<const Track> tracks) {
  // What is held back means tracks by their places, and times in their timescales.
  std::erase_if(samples_, [&](const media::Sample& sample) {
    return sample.track >= tracks.size() ||
           !is_continued(tracks_[sample.track], tracks[sample.track]);
  });
  tracks_.assign(tracks.begin(), tracks.end());
  tracks_changed_ = true;
}

// Nothing is said of tracks before all of them are known, or it would be taken back soon.
bool Fmp4Remuxer::is_ready(const Chunk& source) const {
  if (!tracks_changed_) return true;
  const bool is_complete = std::ranges::all_of(
      tracks_, [](const Track& track) { return !is_wanted(track) || fmp4::can_write(track); });
  return is_complete || samples_.size() >= held_samples_max ||
         (held_since_ && source.time - *held_since_ > hold_max);
}

// Other tracks: goes on where the output can say it, else begins anew.
void Fmp4Remuxer::use_tracks() {
  if (out_tracks_.empty() || !find_routes()) {
    begin_anew();
  } else {
    // For those who begin now: what the decoder needs to know has changed, such as a picture size.
    for (std::size_t index = 0; index < tracks_.size(); ++index) {
      if (!routes_[index].is_held) continue;
      Track& track = out_tracks_[routes_[index].track];
      const std::uint32_t timescale = track.timescale;
      track = tracks_[index];
      track.timescale = timescale;
    }
  }
  const auto init = fmp4::write_init(out_tracks_);
  const auto window = headers_.copy_header(init);
  join_.reset();
  if (!window) return;
  JoinImages join;
  join.start.push_back(*window);
  join_ = std::make_shared<const JoinImages>(std::move(join));
}

bool Fmp4Remuxer::find_routes() {
  std::vector<Route> routes(tracks_.size());
  std::vector<bool> taken(out_tracks_.size());
  for (std::size_t index = 0; index < tracks_.size(); ++index) {
    if (!fmp4::can_write(tracks_[index])) continue;
    std::size_t to = 0;
    while (to < out_tracks_.size() && (taken[to] || !can_follow(out_tracks_[to], tracks_[index]))) {
      ++to;
    }
    if (to == out_tracks_.size()) return false;
    taken[to] = true;
    routes[index] = {static_cast<std::uint8_t>(to), true, tracks_[index].timescale};
  }
  if (std::ranges::find(taken, false) != taken.end()) return false;
  routes_ = std::move(routes);
  return true;
}

void Fmp4Remuxer::begin_anew() {
  if (!out_tracks_.empty()) {
    ++generation_;
    waits_for_sync_ = true;  // so that whoever ends there may come back at once
  }
  out_tracks_.clear();
  routes_.assign(tracks_.size(), {});
  for (std::size_t index = 0; index < tracks_.size(); ++index) {
    if (!fmp4::can_write(tracks_[index])) continue;
    routes_[index] = {static_cast<std::uint8_t>(out_tracks_.size()), true,
                      tracks_[index].timescale};
    out_tracks_.push_back(tracks_[index]);
  }
  last_dts_.assign(out_tracks_.size(), std::nullopt);
  writer_.emplace(out_tracks_);
}

// Gives samples the track and the times that the output has. Times never go back: where a publisher
// takes over, audio that was heard already is left out, and a video frame moves behind the last.
void Fmp4Remuxer::route_samples() {
  std::size_t kept = 0;
  for (media::Sample& sample : samples_) {
    const Route& route = routes_[sample.track];
    if (!route.is_held) continue;
    const Track& track = out_tracks_[route.track];
    sample.track = route.track;
    sample.dts = media::rescale(sample.dts, track.timescale, route.timescale);
    sample.pts = media::rescale(sample.pts, track.timescale, route.timescale);
    sample.duration = static_cast<std::uint32_t>(
        media::rescale(sample.duration, track.timescale, route.timescale));
    auto& last = last_dts_[route.track];
    if (last && sample.dts <= *last) {
      if (track.kind != Kind::video) continue;
      sample.dts = *last + 1;
      sample.pts = std::max(sample.pts, sample.dts);
    }
    last = sample.dts;
    if (&samples_[kept] != &sample) samples_[kept] = std::move(sample);
    ++kept;
  }
  samples_.resize(kept);
}

// The samples tell, not the chunk: a frame may leave a chunk later than it began.
bool Fmp4Remuxer::begins_with_sync() const {
  const auto is_video = [this](const media::Sample& sample) {
    return out_tracks_[sample.track].kind == Kind::video;
  };
  const auto first = std::ranges::find_if(samples_, is_video);
  if (first != samples_.end()) return first->sync;
  return !samples_.empty() &&
         std::ranges::find(out_tracks_, Kind::video, &Track::kind) == out_tracks_.end();
}

void Fmp4Remuxer::write(const Chunk& source, Chunk& out) {
  const bool sync = begins_with_sync();
  if (waits_for_sync_ && !sync) {
    samples_.clear();
    return;
  }
  if (!samples_.empty()) {
    auto image = writer_->write(static_cast<std::uint32_t>(source.sequence), samples_, headers_);
    samples_.clear();
    if (!image) return lose(out);
    out.bytes = std::move(*image);
  }
  waits_for_sync_ = false;
  out.generation = generation_;
  out.sync = sync && join_ != nullptr && !out.bytes.empty();
  if (out.sync) out.join = join_;
}

// No block was free: viewers go on at the next sync frame.
void Fmp4Remuxer::lose(Chunk& out) {
  samples_.clear();
  held_since_.reset();
  waits_for_sync_ = true;
  if (reader_) reader_->on_discontinuity();
  out.bytes.clear();
}

void Fmp4Remuxer::on_gap() {
  if (reader_) reader_->on_discontinuity();
  samples_.clear();
  held_since_.reset();
}

}  // namespace stream

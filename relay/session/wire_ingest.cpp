#include "relay/session/wire_ingest.hpp"

#include <algorithm>
#include <utility>

#include "relay/media/timeline.hpp"
#include "relay/media/timescale.hpp"
#include "relay/protocol/wire/tracks.hpp"
#include "relay/session/ingest.hpp"
#include "relay/stream/wire_times.hpp"

namespace session {
namespace {

constexpr std::uint32_t log_timescale = media::Timeline::ticks_per_second;

}  // namespace

std::chrono::microseconds LagClock::ahead(base::Utc utc, base::Utc arrival) noexcept {
  const auto offset = utc - arrival;
  const auto passed = std::max(arrival - last_, std::chrono::microseconds::zero());
  offset_ = offset_ ? std::clamp(*offset_ + passed / 4, offset - ahead_max, offset) : offset;
  last_ = arrival;
  return offset - *offset_;
}

WireIngest::WireIngest(stream::Home& home, bool is_continuing, std::uint64_t first_live,
                       base::Time now)
    : home_(home), first_live_(first_live), started_(now), until_sync_(is_continuing) {}

void WireIngest::set_tracks(const wire::Tracks& tracks) {
  wire_tracks_ = std::make_shared<const wire::Tracks>(tracks);
  counted_ = wire::to_media(tracks);
  tracks_ = share_tracks(home_, counted_);
}

std::optional<stream::Chunk> WireIngest::take(wire::Chunk chunk, base::Time now,
                                              base::Utc arrival) {
  if (until_sync_ && !chunk.sync) {
    ++dropped_;
    return std::nullopt;
  }
  until_sync_ = false;
  stream::Chunk out = place(chunk, now, arrival);
  out.samples = std::move(chunk.samples);
  stream::to_log_times(out.samples, *wire_tracks_, out.wire_offset);
  for (const media::Sample& sample : out.samples) count(sample, out);
  return out;
}

void WireIngest::count(const media::Sample& sample, stream::Chunk& out) {
  media::Track& track = counted_[sample.track];
  const bool is_audio = track.kind == media::Kind::audio;
  ++(is_audio ? out.audio_frames : out.video_frames);
  ++track.frames;
  if (!is_audio) track.rate.on_frame(media::rescale(sample.dts, log_timescale, track.timescale));
}

// Where the first video frame is, as far as there is one: audio comes in other portions.
stream::Chunk WireIngest::place(const wire::Chunk& chunk, base::Time now, base::Utc arrival) {
  const auto& tracks = tracks_->tracks;
  auto first = std::ranges::find_if(chunk.samples, [&](const media::Sample& sample) {
    return tracks[sample.track].kind == media::Kind::video;
  });
  if (first == chunk.samples.end()) first = chunk.samples.begin();
  const std::int64_t dts =
      media::rescale(first->dts, log_timescale, tracks[first->track].timescale);
  const base::Utc made = std::min(chunk.utc, arrival);
  is_resumed_ = home_.resume(chunk.position, made) || is_resumed_;
  if (!is_resumed_ && arrival - chunk.utc <= clock_tolerance) home_.timeline().begin_at(made);
  const auto position = home_.timeline().on_frame(dts, is_resumed_ ? made : arrival);
  if (position.jumped) home_.on_discontinuity();
  if (position.jumped && !position.is_seam) ++faults_[stream::InputFault::clock_jump];

  stream::Chunk out;
  out.position = chunk.position;
  out.utc = chunk.utc;
  out.time = position.time;
  out.ahead = stream::to_media_time(lag_clock_.ahead(chunk.utc, arrival));
  out.received = now;
  out.segment = chunk.segment;
  out.part = chunk.part;
  out.discontinuity = chunk.discontinuity;
  out.sync = chunk.sync;
  out.container = media::Container::wire;
  out.tracks = tracks_;
  out.wire_tracks = wire_tracks_;
  out.checksum = chunk.checksum;
  out.wire_offset = home_.timeline().offset().value_or(0);
  out.stamp_offset = home_.stamp_offset;
  if (chunk.position.sequence >= first_live_) {
    if (!live_begin_) live_begin_ = out.time;
    ahead_ = stream::to_duration(out.time - *live_begin_) - (now - started_);
  }
  return out;
}

void WireIngest::on_gap(const wire::Gap& gap) {
  until_sync_ = true;
  const bool is_told = gap.reason != wire::GapReason::unspecified;
  home_.on_gap(is_told ? gap.reason : wire::GapReason::lost);
}

}  // namespace session

#include "relay/session/fmp4_ingest.hpp"

#include <algorithm>
#include <utility>

#include "relay/media/timescale.hpp"

namespace session {
namespace {

using stream::InputFault;
constexpr std::uint32_t log_timescale = media::Timeline::ticks_per_second;

}  // namespace

Fmp4Ingest::Fmp4Ingest(stream::Home& home, memory::BlockPool& pool, bool is_continuing)
    : home_(home), reader_(pool), until_sync_(is_continuing) {}

base::Result<void> Fmp4Ingest::feed(memory::Window bytes, base::Time now) {
  now_ = now;
  const auto fed = reader_.feed(std::move(bytes));
  take_samples(now);
  return fed;
}

base::Result<void> Fmp4Ingest::finish() {
  is_finished_ = true;
  const auto finished = reader_.finish();
  take_samples(now_);
  return finished;
}

// The reader drops the rest of the fragment it is in and goes on with whole ones, which may begin
// between two sync frames.
void Fmp4Ingest::on_input_lost() {
  ++faults_[InputFault::input_lost];
  chunker_.finish();
  until_sync_ = true;
  home_.on_gap(wire::GapReason::memory);
}

stream::InputFaults Fmp4Ingest::faults() const {
  stream::InputFaults faults = faults_;
  const fmp4::Counters& counters = reader_.counters();
  faults[InputFault::bad_sample] += counters.bad_samples + counters.empty_samples;
  faults[InputFault::no_block] += counters.unplaced_samples;
  faults[InputFault::cut] += counters.cut_samples + counters.cut_boxes;
  return faults;
}

// Up to the first sample of other tracks (the reader's are those of the sample polled last): what
// came before leaves first.
void Fmp4Ingest::take_samples(base::Time now) {
  while (!next_) {
    auto sample = reader_.poll();
    if (!sample) break;
    if (reader_.tracks_version() == tracks_version_) {
      chunker_.add(std::move(*sample), now);
    } else {
      next_ = std::move(sample);
    }
  }
  if (next_ || is_finished_) chunker_.finish();
}

void Fmp4Ingest::follow_tracks() {
  tracks_version_ = reader_.tracks_version();
  const auto tracks = reader_.tracks();
  clocks_.assign(tracks.size(), {});
  chunker_.set_tracks(tracks);
  shared_tracks_ = share_tracks(home_, {tracks.begin(), tracks.end()});
}

std::optional<stream::Chunk> Fmp4Ingest::poll(base::Time now, base::Utc arrival) {
  for (;;) {
    auto group = chunker_.poll();
    if (!group) {
      if (!next_) return std::nullopt;
      follow_tracks();
      chunker_.add(*std::exchange(next_, std::nullopt), now);
      take_samples(now);
      continue;
    }
    if (until_sync_ && !group->sync) {
      ++dropped_;
      continue;
    }
    until_sync_ = false;
    return to_chunk(std::move(*group), now, arrival);
  }
}

stream::Chunk Fmp4Ingest::to_chunk(media::Chunker::Group group, base::Time now, base::Utc arrival) {
  const media::Sample& first = group.samples.front();
  const auto& tracks = shared_tracks_->tracks;
  const std::uint32_t timescale = tracks[first.track].timescale;
  stream::Chunk chunk = place_chunk(home_, media::rescale(first.dts, log_timescale, timescale), now,
                                    arrival, faults_);
  chunk.container = media::Container::fmp4;
  chunk.sync = group.sync;
  chunk.tracks = shared_tracks_;
  chunk.stamp_offset = home_.stamp_offset;
  chunk.samples = std::move(group.samples);
  const std::int64_t offset = home_.timeline().offset().value_or(0);
  for (media::Sample& sample : chunk.samples) {
    const media::Track& track = tracks[sample.track];
    ++(track.kind == media::Kind::audio ? chunk.audio_frames : chunk.video_frames);
    // The same for all samples of a track, so that their distances stay exact.
    const std::int64_t moved = media::rescale(offset, track.timescale, log_timescale);
    sample.dts += moved;
    sample.pts += moved;
    keep_order(sample);
  }
  seen_keyframe_ = seen_keyframe_ || chunk.sync;
  if (!seen_keyframe_) faults_[InputFault::no_keyframe] += chunk.video_frames;
  return chunk;
}

// ffmpeg gives two frames one time where its muxer had to guess; the second moves half a frame on.
void Fmp4Ingest::keep_order(media::Sample& sample) {
  Clock& clock = clocks_[sample.track];
  if (clock.last && sample.dts <= *clock.last) {
    ++faults_[InputFault::bad_time];
    sample.dts = *clock.last + std::max<std::int64_t>(clock.interval / 2, 1);
    sample.pts = std::max(sample.pts, sample.dts);
  } else if (clock.last) {
    clock.interval = sample.dts - *clock.last;
  }
  clock.last = sample.dts;
}

}  // namespace session

#include "relay/session/fmp4_ingest.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "relay/media/timescale.hpp"

namespace session {
namespace {

constexpr std::uint32_t log_timescale = media::Timeline::ticks_per_second;
constexpr unsigned versions = 32;  // of MPEG-TS tables

// What the tables of an MPEG-TS with these tracks depend on.
std::string describe(std::span<const media::Track> tracks) {
  std::string text = "samples";
  for (const media::Track& track : tracks) {
    text += '/';
    text += name(track.codec);
    text += track.language + std::to_string(track.channels);
  }
  return text;
}

}  // namespace

Fmp4Ingest::Fmp4Ingest(stream::Home& home, memory::BlockPool& pool, bool is_continuing)
    : home_(home), reader_(pool), until_sync_(is_continuing) {}

base::Result<void> Fmp4Ingest::feed(memory::Window bytes, base::Time now) {
  now_ = now;
  const auto fed = reader_.feed(std::move(bytes));
  take_samples(now);
  return fed;
}

void Fmp4Ingest::finish() {
  reader_.finish();
  take_samples(now_);
  chunker_.finish();
}

void Fmp4Ingest::take_samples(base::Time now) {
  while (auto sample = reader_.poll()) {
    // The reader's tracks are those of the sample polled last.
    if (const auto version = reader_.tracks_version(); version != tracks_version_) {
      tracks_version_ = version;
      follow_tracks();
    }
    chunker_.add(std::move(*sample), now);
  }
}

void Fmp4Ingest::follow_tracks() {
  // What waits means tracks that are gone: audio whose video frame did not come.
  chunker_.finish();
  while (chunker_.poll()) ++dropped_;
  tracks_.assign(reader_.tracks().begin(), reader_.tracks().end());
  last_dts_.assign(tracks_.size(), std::nullopt);
  clocks_.assign(tracks_.size(), {});
  chunker_.set_tracks(tracks_);
  std::string said = describe(tracks_);
  if (!home_.tables) {
    home_.tables = {std::move(said), 0};
  } else if (home_.tables->said != said) {
    const auto next = static_cast<std::uint8_t>((home_.tables->version + 1) % versions);
    home_.tables = {std::move(said), next};
  }
  shared_tracks_ =
      std::make_shared<const media::TrackSet>(media::TrackSet{tracks_, home_.tables->version});
}

std::optional<stream::Chunk> Fmp4Ingest::poll(base::Time now, base::Utc arrival) {
  while (auto group = chunker_.poll()) {
    if (until_sync_ && !group->sync) {
      ++dropped_;
      continue;
    }
    until_sync_ = false;
    return to_chunk(std::move(*group), now, arrival);
  }
  return std::nullopt;
}

stream::Chunk Fmp4Ingest::to_chunk(media::Chunker::Group group, base::Time now, base::Utc arrival) {
  const media::Sample& first = group.samples.front();
  const std::uint32_t timescale = tracks_[first.track].timescale;
  const auto position =
      home_.timeline().on_frame(media::rescale(first.dts, log_timescale, timescale), arrival);
  if (position.jumped) home_.on_discontinuity();

  stream::Chunk chunk;
  chunk.container = media::Container::fmp4;
  chunk.utc = position.utc;
  chunk.time = position.time;
  chunk.received = now;
  const base::Duration ahead = position.utc - arrival;
  chunk.ahead = stream::to_media_time(std::max(ahead, base::Duration::zero()));
  chunk.sync = group.sync;
  chunk.tracks = shared_tracks_;
  chunk.stamp_offset = home_.stamp_offset;
  chunk.samples = std::move(group.samples);
  const std::int64_t offset = home_.timeline().offset().value_or(0);
  for (media::Sample& sample : chunk.samples) {
    count(sample, chunk);
    // The same for all samples of a track, so that their distances stay exact.
    const std::int64_t moved =
        media::rescale(offset, tracks_[sample.track].timescale, log_timescale);
    sample.dts += moved;
    sample.pts += moved;
    keep_order(sample);
  }
  return chunk;
}

// ffmpeg gives two frames one time where its muxer had to guess; the second moves half a frame on.
void Fmp4Ingest::keep_order(media::Sample& sample) {
  Clock& clock = clocks_[sample.track];
  if (clock.last && sample.dts <= *clock.last) {
    sample.dts = *clock.last + std::max<std::int64_t>(clock.interval / 2, 1);
    sample.pts = std::max(sample.pts, sample.dts);
  } else if (clock.last) {
    clock.interval = sample.dts - *clock.last;
  }
  clock.last = sample.dts;
}

void Fmp4Ingest::count(const media::Sample& sample, stream::Chunk& chunk) {
  media::Track& track = tracks_[sample.track];
  ++track.frames;
  if (track.kind == media::Kind::audio) {
    ++chunk.audio_frames;
    return;
  }
  ++chunk.video_frames;
  if (const auto last = std::exchange(last_dts_[sample.track], sample.dts)) {
    track.rate.on_interval(media::rescale(sample.dts - *last, log_timescale, track.timescale));
  }
}

}  // namespace session

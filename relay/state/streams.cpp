#include "relay/state/streams.hpp"

#include <utility>
#include <vector>

#include "relay/state/timestamp.hpp"
#include "schemas/session.pb.h"

namespace state {
namespace {

using spancast::session::StreamRecord;

constexpr std::size_t forgotten_per_call = 128;
// No log is longer: of media time in ticks of 90 kHz.
constexpr std::int64_t time_max = std::int64_t{1} << 56;

bool is_number(std::uint64_t sequence) noexcept {
  return sequence <= wire::sequence_max - numbers_reserved;
}

bool is_time(std::int64_t time) noexcept { return time >= -time_max && time <= time_max; }

// Nothing of a record that says what cannot be.
std::optional<stream::Past> to_past(const StreamRecord& record) {
  const auto end = to_utc(record.last_utc());
  const auto& timeline = record.timeline();
  const bool is_valid = record.epoch() != 0 && record.has_last_utc() && end &&
                        record.has_timeline() && is_time(timeline.end_time()) &&
                        is_time(record.last_sync_time()) && is_number(record.next_sequence()) &&
                        is_number(record.reserved_sequence()) &&
                        record.last_sync_sequence() <= record.next_sequence();
  if (!is_valid) return std::nullopt;
  stream::Past past{{record.epoch(), record.next_sequence()},
                    record.last_sync_sequence(),
                    record.last_sync_time(),
                    *end,
                    timeline.end_time(),
                    record.segment(),
                    record.discontinuity(),
                    false,
                    {}};
  if (record.reserved_sequence() > 0) past.reserved = {record.epoch(), record.reserved_sequence()};
  return past;
}

void write_track(const media::Track& track, spancast::session::TrackRecord& out) {
  out.set_id(track.id);
  if (track.codec != media::Codec::unknown) out.set_codec(std::string(media::name(track.codec)));
  out.set_timescale(track.timescale);
  out.set_config(track.config.data(), track.config.size());
  out.set_width(track.width);
  out.set_height(track.height);
  out.set_sample_rate(track.sample_rate);
  out.set_channels(track.channels);
  out.set_language(track.language);
}

// What belongs to the newest chunk.
void write_newest(const stream::Chunk& newest, StreamRecord& record) {
  if (newest.wire_tracks) record.set_tracks_version(newest.wire_tracks->version);
  record.set_part(newest.part);
  auto& timeline = *record.mutable_timeline();
  timeline.set_stamp_offset(newest.stamp_offset);
  const auto begin =
      std::chrono::duration_cast<base::Utc::duration>(stream::to_duration(newest.time));
  *timeline.mutable_anchor() = to_timestamp(newest.utc - begin);
}

}  // namespace

KnownStreams::KnownStreams(Store& store, base::Utc now, base::Duration ttl)
    : store_(store), expiry_(now + std::chrono::duration_cast<base::Utc::duration>(ttl)) {
  std::vector<StreamRecord> numbered;
  store.each(Kind::stream, [&](const std::string& path, google::protobuf::Message& message) {
    auto& record = static_cast<StreamRecord&>(message);
    const auto past = to_past(record);
    streams_.emplace(path, past);
    if (!past || past->reserved.epoch == 0) return;
    record.set_path(path);
    numbered.push_back(std::move(record));
  });
  if (numbered.empty()) return;
  for (StreamRecord& record : numbered) {
    record.set_reserved_sequence(record.reserved_sequence() + numbers_reserved);
    store.set(Kind::stream, record.path(), record);
  }
  if (store.commit()) return;
  // A process that comes after this one would give the same numbers again.
  for (auto& [path, past] : streams_) {
    if (past) past->reserved = {};
  }
}

std::optional<stream::Past> KnownStreams::take(const std::string& path) {
  const std::lock_guard lock(lock_);
  const auto found = streams_.find(path);
  if (found == streams_.end()) return std::nullopt;
  const auto past = found->second;
  streams_.erase(found);
  return past;
}

void KnownStreams::forget_expired(base::Utc now) {
  if (now < expiry_) return;
  const std::lock_guard lock(lock_);
  for (std::size_t left = forgotten_per_call; left > 0 && !streams_.empty(); --left) {
    store_.erase(Kind::stream, streams_.begin()->first);
    streams_.erase(streams_.begin());
  }
}

void StreamKeeper::keep(const stream::Home& home, base::Utc now) {
  const auto present = home.present();
  if (!present) return;
  Kept& kept = kept_[home.stream().path()];
  if (kept.next == present->next) return;
  const bool is_numbered_here = present->next.epoch == home.epoch();
  const bool has_changed = kept.next.epoch != present->next.epoch;
  if (!is_numbered_here) {
    kept.reserved = 0;
  } else if (has_changed || kept.reserved < present->next.sequence + numbers_reserved / 2) {
    kept.reserved = present->next.sequence + numbers_reserved;
  }
  kept.next = present->next;
  write(home, *present, kept.reserved, now);
}

void StreamKeeper::keep_last(const stream::Home& home, base::Utc now) {
  const auto present = home.present();
  if (!present) return;
  const bool is_numbered_here = present->next.epoch == home.epoch();
  // What comes next does not follow: so the number says.
  write(home, *present, is_numbered_here ? present->next.sequence + 1 : 0, now);
}

void StreamKeeper::write(const stream::Home& home, const stream::Past& present,
                         std::uint64_t reserved, base::Utc now) {
  StreamRecord record;
  record.set_path(home.stream().path());
  record.set_epoch(present.next.epoch);
  record.set_next_sequence(present.next.sequence);
  record.set_reserved_sequence(reserved);
  for (const media::Track& track : home.tracks()) write_track(track, *record.add_tracks());
  *record.mutable_last_utc() = to_timestamp(present.end);
  record.set_last_sync_sequence(present.last_sync);
  record.set_last_sync_time(present.last_sync_time);
  record.set_segment(present.segment);
  record.set_discontinuity(present.discontinuity);
  record.mutable_timeline()->set_end_time(present.end_time);
  write_newest(home.stream().log().newest(), record);
  *record.mutable_written() = to_timestamp(now);
  store_.set(Kind::stream, record.path(), record);
}

void StreamKeeper::end(const std::string& path) {
  kept_.erase(path);
  store_.erase(Kind::stream, path);
}

}  // namespace state

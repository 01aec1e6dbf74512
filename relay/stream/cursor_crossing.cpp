// Cursors that leave one log for another: a tail for what was read back from disk, and back.

#include <algorithm>
#include <utility>

#include "relay/base/assert.hpp"
#include "relay/stream/cursor.hpp"
#include "relay/stream/fanout.hpp"
#include "relay/stream/sample_input.hpp"

namespace stream {
namespace {

// What was said of `shown` holds for `next`, too.
bool can_follow(const media::TrackSet& shown, const media::TrackSet& next) {
  return std::ranges::equal(
      shown.tracks, next.tracks, [](const media::Track& track, const media::Track& other) {
        return track.timescale == other.timescale && stream::can_follow(track, other);
      });
}

}  // namespace

void Cursor::enter(Audience& audience, const Entry& entry) {
  if (!crossing_) crossing_ = std::make_unique<Crossing>();
  crossing_->entry = entry;
  // What it was about to send when it left is what it goes on with.
  if (is_exact_) keep_position();
  sequence_.reset();
  needs_join_ = true;
  if (has_begun_) join_kind_ = JoinKind::skip;
  restarted_ = false;
  enter(audience);
  if (busy_ == 0) audience.fanout().serve_soon(*this);
}

void Cursor::hand_on(wire::Position next) noexcept {
  const StreamLog& log = audience_->feed().log();
  if (!log.empty()) remember_shown(log.newest());
  leave();
  if (!sink_.on_elsewhere(next, true)) sink_.on_stream_end();
}

// The place may have been dropped before its cursor was served.
bool Cursor::is_entry_gone(const StreamLog& log) noexcept {
  if (!crossing_ || !crossing_->entry || crossing_->entry->sequence >= log.first()) return false;
  if (go_elsewhere(log, crossing_->entry->sequence)) return true;
  if (is_exact_) {
    crossing_.reset();
  } else {
    crossing_->entry->sequence = log.first();
  }
  return false;
}

bool Cursor::go_in(const StreamLog& log, FanoutCounters& counters) noexcept {
  if (is_entry_gone(log)) return false;
  Entry& entry = *crossing_->entry;
  const auto is_it = [&entry](const Chunk& chunk) {
    return entry.at_sync ? chunk.sync : !chunk.bytes.empty();
  };
  while (entry.sequence < log.end() && !is_it(log.at(entry.sequence))) ++entry.sequence;
  if (entry.sequence >= log.end()) return false;
  sequence_ = entry.sequence;
  slack_ = lag();
  if (entry.is_skip) count_skip(SkipReason::tail, counters);
  const Chunk& next = log.at(*sequence_);
  const bool goes_on = !has_begun_ || can_say(next);
  crossing_.reset();
  has_begun_ = true;
  if (goes_on) {
    generation_ = next.generation;
    return true;
  }
  stop();
  sink_.on_seam({false, wire::GapReason::unspecified, next.position, next});
  return false;
}

bool Cursor::go_elsewhere(const StreamLog& log, std::uint64_t sequence) noexcept {
  const auto next = is_exact_ && sequence_ ? std::optional(position()) : log.position_of(sequence);
  if (!next || next->epoch == 0) return false;
  if (!log.empty()) remember_shown(log.at(std::max(sequence, log.first())));
  return sink_.on_elsewhere(*next, false);
}

// Of those that say once what their tracks are. What lies behind a chunk that says something else
// is told nobody.
void Cursor::remember_shown(const Chunk& near) noexcept {
  if (is_exact_ || !has_begun_ || !sequence_ || near.container != media::Container::fmp4) return;
  if (!crossing_) crossing_ = std::make_unique<Crossing>();
  crossing_->shown = near.generation == generation_ ? near.tracks : nullptr;
}

bool Cursor::can_say(const Chunk& next) const noexcept {
  if (next.container != media::Container::fmp4) return true;
  return crossing_->shown && next.tracks && can_follow(*crossing_->shown, *next.tracks);
}

}  // namespace stream

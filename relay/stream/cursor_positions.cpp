// Of cursors that follow positions: where they begin, and what their sinks are told before what
// does not follow from what they have sent.

#include <algorithm>
#include <utility>

#include "relay/base/assert.hpp"
#include "relay/stream/cursor.hpp"
#include "relay/stream/fanout.hpp"
#include "relay/stream/lag_policy.hpp"
#include "relay/stream/place.hpp"

namespace stream {

void Cursor::move(const wire::Start& start) noexcept {
  RELAY_ASSERT(is_exact_);
  look_again(start);
  has_begun_ = false;
  restarted_ = false;
  crossing_.reset();
  if (audience_ != nullptr && (busy_ & ~halted) == 0) audience_->fanout().serve_soon(*this);
}

void Cursor::look_again(const wire::Start& start) noexcept {
  start_ = start;
  sequence_.reset();
}

// Of one that follows positions. Until all of the tail is there, the best place is not known.
Place Cursor::entry_place(const StreamLog& log) const noexcept {
  const Entry& entry = *crossing_->entry;
  if (entry.sequence >= log.end()) return {};
  return {entry.sequence, entry.reason};
}

bool Cursor::find_start(Feed& feed, FanoutCounters& counters) noexcept {
  if (feed.is_behind()) return false;
  if (is_entry_gone(feed.log())) return false;
  const bool is_entering = crossing_ && crossing_->entry;
  const Place place = is_entering ? entry_place(feed.log()) : find_place(feed.log(), start_);
  if (!place.sequence) return false;
  wire::GapReason reason = place.reason;
  if (std::exchange(restarted_, false) && reason != wire::GapReason::unspecified) {
    const auto* const from = std::get_if<wire::Position>(&start_);
    const bool may_leave = slow_ == SlowPolicy::catch_up && from != nullptr;
    if (may_leave && sink_.on_elsewhere(*from, false)) return false;
    count_skip(SkipReason::replica, counters);
    if (reason != wire::GapReason::publisher) reason = wire::GapReason::replica;
  }
  if (is_entering && crossing_->entry->is_skip) count_skip(SkipReason::tail, counters);
  sequence_ = place.sequence;
  crossing_.reset();
  if (!has_begun_ || is_entering) slack_ = lag();
  const Chunk& next = feed.log().at(*sequence_);
  const auto* const asked = std::get_if<wire::Position>(&start_);
  return tell({!has_begun_, reason, asked != nullptr ? *asked : next.position, next});
}

// Chunks without an image are missing, and so are those that their publisher left out.
bool Cursor::cross(const StreamLog& log) noexcept {
  const wire::Position from = position();
  while (*sequence_ < log.end() && log.at(*sequence_).bytes.empty()) {
    ++*sequence_;
    --numbering_.sequence;  // `from` is still what should come next
  }
  if (*sequence_ == log.end()) return false;
  const Chunk& next = log.at(*sequence_);
  wire::GapReason reason = next.gap;
  if (next.position.epoch != from.epoch) {
    reason = wire::GapReason::publisher;
  } else if (reason == wire::GapReason::unspecified) {
    reason = wire::GapReason::lost;
  }
  return tell({false, reason, from, next});
}

// `seam.next` is where it stands. What comes next may have the right number for all that lay
// between, where an epoch came back: then its publisher's viewers miss nothing.
bool Cursor::tell(Seam seam) noexcept {
  const wire::Position next = seam.next.position;
  const bool is_other = seam.from.epoch != next.epoch;
  if (is_other && seam.reason == wire::GapReason::lost) seam.reason = wire::GapReason::publisher;
  if (seam.from == next) seam.reason = wire::GapReason::unspecified;
  generation_ = seam.next.generation;
  numbering_ = {next.epoch, next.sequence - *sequence_};
  has_begun_ = true;
  // What should come before `until` comes no more.
  if (until_.epoch == seam.from.epoch && until_.epoch != next.epoch) until_ = next;
  sink_.on_seam(seam);
  return busy_ == 0 && audience_ != nullptr && sequence_.has_value();
}

bool Cursor::is_at_until() const noexcept {
  return until_.epoch != 0 && sequence_ && until_.epoch == numbering_.epoch &&
         position().sequence >= until_.sequence;
}

std::uint64_t Cursor::limit() const noexcept {
  constexpr std::uint64_t none = ~std::uint64_t{0};
  if (until_.epoch == 0 || until_.epoch != numbering_.epoch) return none;
  return until_.sequence - numbering_.sequence;
}

bool Cursor::jump_exactly(const StreamLog& log, const LagDecision& decision,
                          FanoutCounters& counters) noexcept {
  const wire::Position from = position();
  if (decision.reason == SkipReason::tail) {
    // Where its epoch came back, what comes next may be there though its place is gone.
    const Place place = find_place(log, from);
    if (place.sequence && place.reason == wire::GapReason::unspecified) {
      sequence_ = place.sequence;
      return tell({false, place.reason, from, log.at(*sequence_)});
    }
  }
  if (decision.may_leave && go_elsewhere(log, *sequence_)) return false;
  count_skip(decision.reason, counters);
  if (!decision.sequence) {
    look_again(from);
    return false;
  }
  sequence_ = decision.sequence;
  const bool is_late = decision.reason == SkipReason::lag;
  return tell(
      {false, is_late ? wire::GapReason::skip : wire::GapReason::tail, from, log.at(*sequence_)});
}

}  // namespace stream

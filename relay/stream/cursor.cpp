#include "relay/stream/cursor.hpp"

#include <algorithm>
#include <utility>

#include "relay/base/assert.hpp"
#include "relay/stream/fanout.hpp"
#include "relay/stream/lag_policy.hpp"
#include "relay/stream/place.hpp"

namespace stream {

const char* name_of(SkipReason reason) noexcept {
  switch (reason) {
    case SkipReason::lag:
      return "lag";
    case SkipReason::tail:
      return "tail";
    case SkipReason::replica:
      return "replica";
  }
  return "unknown";
}

Cursor::Cursor(Sink& sink, const ViewerPolicy& policy, Begin begin) noexcept
    : sink_(sink),
      max_lag_(policy.max_lag),
      unsent_(policy.unsent_bytes),
      slow_(policy.slow),
      begin_(begin) {}

Cursor::Cursor(Sink& sink, const ViewerPolicy& policy, const wire::Start& start,
               std::optional<wire::Position> until) noexcept
    : Cursor(sink, policy) {
  needs_join_ = until.has_value();
  is_exact_ = true;
  until_ = until.value_or(wire::Position{});
  start_ = start;
}

Cursor::~Cursor() { leave(); }

void Cursor::enter(Audience& audience) {
  RELAY_ASSERT(audience_ == nullptr);
  audience.add(*this);
}

void Cursor::leave() {
  if (audience_ != nullptr) audience_->remove(*this);
}

void Cursor::resume() noexcept {
  busy_ &= static_cast<std::uint8_t>(~waits);
  if (audience_ != nullptr && (busy_ & stopped) == 0) audience_->fanout().serve_soon(*this);
}

void Cursor::go_on() noexcept {
  busy_ &= static_cast<std::uint8_t>(~halted);
  slack_ = std::max(slack_, lag());
  if (audience_ != nullptr && busy_ == 0) audience_->fanout().serve_soon(*this);
}

void Cursor::restart() noexcept {
  if (!sequence_) return;
  if (is_exact_) {
    look_again(position());
    restarted_ = true;
    return;
  }
  needs_join_ = true;
  join_kind_ = JoinKind::skip;
  restarted_ = true;
  // What it missed may be elsewhere.
  if (slow_ != SlowPolicy::catch_up) sequence_.reset();
}

MediaTime Cursor::lag() const noexcept {
  if (audience_ == nullptr || !sequence_) return 0;
  const StreamLog& log = audience_->feed().log();
  if (log.empty() || *sequence_ >= log.end()) return 0;
  const MediaTime next = log.at(std::max(*sequence_, log.first())).time;
  return std::max<MediaTime>(log.clock() - next, 0);
}

bool Cursor::has_read_all() const noexcept {
  if (audience_ == nullptr) return true;
  const StreamLog& log = audience_->feed().log();
  if (const auto next = place(); next && !restarted_) return *next >= log.end();
  return is_exact_ ? !find_place(log, start_).sequence : !log.newest_sync();
}

std::optional<base::Time> Cursor::held_since() const noexcept {
  if (audience_ == nullptr || busy_ > 0 || !sequence_) return std::nullopt;
  const StreamLog& log = audience_->feed().log();
  if (log.empty() || *sequence_ >= log.end()) return std::nullopt;
  return log.at(std::max(*sequence_, log.first())).received;
}

bool Cursor::serve(FanoutCounters& counters) noexcept {
  if (busy_ > 0 || audience_ == nullptr) return serve_halted(counters);
  Feed& feed = audience_->feed();
  // The common case is one chunk behind: no policy applies, and the run is the newest image.
  const Feed::Run& newest = feed.newest();
  if (sequence_ == newest.begin && !needs_join_) return send_run(newest, counters);
  return serve_slowly(feed, counters);
}

bool Cursor::serve_slowly(Feed& feed, FanoutCounters& counters) noexcept {
  if (is_at_until()) {
    stop();
    sink_.on_until();
    return false;
  }
  if (!find_position(feed, counters)) return false;
  if (is_exact_) {
    if (is_at_until()) return true;
  } else if (needs_join_ && !send_join(feed, counters)) {
    return false;
  }
  const Feed::Run run = feed.run(*sequence_, limit());
  if (run.bytes == 0) {
    sequence_ = run.end;
    return false;
  }
  const bool is_more = send_run(run, counters);
  if (sequence_ && *sequence_ >= feed.log().end()) slack_ = 0;
  return is_more || (busy_ == 0 && audience_ != nullptr && is_at_until());
}

// Where it begins is found and told all the same, as after a Seek in a Pause.
bool Cursor::serve_halted(FanoutCounters& counters) noexcept {
  if (audience_ != nullptr && busy_ == halted && !sequence_ && !has_begun_) {
    find_start(audience_->feed(), counters);
  }
  return false;
}

void Cursor::serve_all() noexcept {
  // It may leave, or be done for, while it is served.
  while (audience_ != nullptr && serve(audience_->fanout().counters_)) {
  }
}

bool Cursor::send_run(const Feed::Run& run, FanoutCounters& counters) noexcept {
  if (audience_->unsent_least() > unsent_) {
    unsent_ = audience_->unsent_least() * 2;
    sink_.on_unsent_needed(unsent_);
  }
  const memory::Written written = sink_.write_now(run.buffers);
  ++counters.writes;
  ++counters.batch_writes;
  counters.batch_received = run.received;
  if (written.bytes != run.bytes) {
    written.is_broken() ? break_off(written)
                        : on_short_write(audience_->feed(), written.bytes, counters);
    return false;
  }
  counters.bytes += written.bytes;
  sequence_ = run.end;
  return run.end < audience_->feed().log().end();
}

void Cursor::break_off(memory::Written written) noexcept {
  stop();
  sink_.on_broken(written.error());
}

// What the kernel did not take is kept only to the end of the chunk that was cut.
void Cursor::on_short_write(const Feed& feed, std::size_t written,
                            FanoutCounters& counters) noexcept {
  const Feed::Cut cut = feed.locate(*sequence_, written);
  counters.bytes += written;
  sequence_ = cut.sequence + 1;
  keep_rest(feed.rest(cut.sequence, cut.written), counters);
}

void Cursor::keep_rest(ImageRest rest, FanoutCounters& counters) noexcept {
  ++counters.short_writes;
  counters.bytes += rest.framing.size() + rest.windows.bytes();
  wait();
  sink_.write_rest(std::move(rest));
}

bool Cursor::begin(const StreamLog& log, FanoutCounters& counters) noexcept {
  if (crossing_ && crossing_->entry) return go_in(log, counters);
  sequence_ = begin_ == Begin::oldest ? log.oldest_sync() : log.newest_sync();
  if (!sequence_) return false;
  begin_ = Begin::newest;  // should it ever begin again
  if (std::exchange(restarted_, false)) count_skip(SkipReason::replica, counters);
  if (join_kind_ == JoinKind::start) generation_ = log.at(*sequence_).generation;
  has_begun_ = true;
  return can_go_on(log);
}

bool Cursor::find_position(Feed& feed, FanoutCounters& counters) noexcept {
  const StreamLog& log = feed.log();
  if (restarted_ && sequence_) {
    if (go_elsewhere(log, *sequence_)) return false;
    sequence_.reset();
  }
  if (!sequence_) return is_exact_ ? find_start(feed, counters) : begin(log, counters);
  if (*sequence_ >= log.end()) return false;
  const LagDecision decision = decide(log, *sequence_, slow_, lag_allowed());
  switch (decision.action) {
    case LagAction::stay:
      return can_go_on(log);
    case LagAction::jump:
      return jump(log, decision, counters);
    case LagAction::disconnect:
      break;
  }
  stop();
  sink_.on_too_slow();
  return false;
}

// Who begins in the past lags from the start, and that is what was asked for: it may until it has
// caught up.
base::Duration Cursor::lag_allowed() noexcept {
  if (slack_ == 0) return max_lag_;
  slack_ = std::min(slack_, lag());
  return max_lag_ + to_duration(slack_);
}

bool Cursor::can_go_on(const StreamLog& log) noexcept {
  const Chunk& next = log.at(*sequence_);
  if (next.generation == generation_) return true;
  if (is_exact_) return cross(log);
  stop();
  sink_.on_seam({false, wire::GapReason::unspecified, next.position, next});
  return false;
}

bool Cursor::jump(const StreamLog& log, const LagDecision& decision,
                  FanoutCounters& counters) noexcept {
  if (is_exact_) return jump_exactly(log, decision, counters);
  if (decision.may_leave && go_elsewhere(log, *sequence_)) return false;
  count_skip(decision.reason, counters);
  sequence_ = decision.sequence;
  needs_join_ = true;
  join_kind_ = JoinKind::skip;
  return sequence_.has_value() && can_go_on(log);
}

void Cursor::count_skip(SkipReason reason, FanoutCounters& counters) noexcept {
  ++counters.skips[static_cast<std::size_t>(reason)];
  ++skips_;
}

bool Cursor::send_join(Feed& feed, FanoutCounters& counters) noexcept {
  needs_join_ = false;
  const auto buffers = feed.join(*sequence_, join_kind_);
  if (buffers.empty()) return true;
  std::size_t size = 0;
  for (const iovec& buffer : buffers) size += buffer.iov_len;
  const memory::Written written = sink_.write_now(buffers);
  ++counters.writes;
  if (written.is_broken()) {
    break_off(written);
    return false;
  }
  counters.bytes += written.bytes;
  if (written.bytes == size) return true;
  keep_rest(feed.join_rest(written.bytes), counters);
  return false;
}

}  // namespace stream

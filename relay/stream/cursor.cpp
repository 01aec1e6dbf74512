#include "relay/stream/cursor.hpp"

#include <algorithm>
#include <utility>

#include "relay/base/assert.hpp"
#include "relay/stream/fanout.hpp"
#include "relay/stream/lag_policy.hpp"

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

Cursor::~Cursor() { leave(); }

void Cursor::enter(Audience& audience) {
  RELAY_ASSERT(audience_ == nullptr);
  audience.add(*this);
}

void Cursor::leave() {
  if (audience_ != nullptr) audience_->remove(*this);
}

void Cursor::resume() noexcept {
  if (busy_ == 1) busy_ = 0;
  if (audience_ != nullptr && busy_ == 0) audience_->fanout().serve_soon(*this);
}

void Cursor::restart() noexcept {
  if (!sequence_) return;
  sequence_.reset();
  needs_join_ = true;
  join_kind_ = JoinKind::skip;
  restarted_ = true;
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
  return sequence_ ? *sequence_ >= log.end() : !log.newest_sync();
}

std::optional<base::Time> Cursor::held_since() const noexcept {
  if (audience_ == nullptr || busy_ > 0 || !sequence_) return std::nullopt;
  const StreamLog& log = audience_->feed().log();
  if (log.empty() || *sequence_ >= log.end()) return std::nullopt;
  return log.at(std::max(*sequence_, log.first())).received;
}

bool Cursor::serve(FanoutCounters& counters) noexcept {
  if (busy_ > 0 || audience_ == nullptr) return false;
  Feed& feed = audience_->feed();
  // The common case is one chunk behind: no policy applies, and the run is the newest image.
  const Feed::Run& newest = feed.newest();
  if (sequence_ == newest.begin && !needs_join_) return send_run(newest, counters);
  if (!find_position(feed.log(), counters)) return false;
  if (needs_join_ && !send_join(feed, counters)) return false;
  const Feed::Run run = feed.run(*sequence_);
  if (run.bytes > 0) return send_run(run, counters);
  sequence_ = run.end;
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

bool Cursor::find_position(const StreamLog& log, FanoutCounters& counters) noexcept {
  if (!sequence_) {
    sequence_ = begin_ == Begin::oldest ? log.oldest_sync() : log.newest_sync();
    if (!sequence_) return false;
    begin_ = Begin::newest;  // should it ever begin again
    if (std::exchange(restarted_, false)) count_skip(SkipReason::replica, counters);
    if (join_kind_ == JoinKind::start) generation_ = log.at(*sequence_).generation;
    return can_go_on(log);
  }
  if (*sequence_ >= log.end()) return false;
  const LagDecision decision = decide(log, *sequence_, slow_, max_lag_);
  switch (decision.action) {
    case LagAction::stay:
      return can_go_on(log);
    case LagAction::jump:
      jump(decision.sequence, decision.reason, counters);
      break;
    case LagAction::disconnect:
      stop();
      sink_.on_too_slow();
      return false;
  }
  return sequence_.has_value() && can_go_on(log);
}

bool Cursor::can_go_on(const StreamLog& log) noexcept {
  if (log.at(*sequence_).generation == generation_) return true;
  stop();
  sink_.on_tracks_changed();
  return false;
}

void Cursor::jump(std::optional<std::uint64_t> sequence, SkipReason reason,
                  FanoutCounters& counters) noexcept {
  sequence_ = sequence;
  needs_join_ = true;
  join_kind_ = JoinKind::skip;
  count_skip(reason, counters);
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

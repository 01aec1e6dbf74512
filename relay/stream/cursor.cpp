#include "relay/stream/cursor.hpp"

#include <algorithm>

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

Cursor::Cursor(Sink& sink, const ViewerPolicy& policy) noexcept
    : sink_(sink), max_lag_(policy.max_lag), unsent_(policy.unsent_bytes), slow_(policy.slow) {}

Cursor::~Cursor() { leave(); }

void Cursor::enter(Audience& audience) {
  RELAY_ASSERT(audience_ == nullptr);
  audience.add(*this);
}

void Cursor::leave() {
  if (audience_ != nullptr) audience_->remove(*this);
}

void Cursor::resume() noexcept {
  waiting_ = false;
  if (audience_ != nullptr && !stopped_) audience_->fanout().serve_soon(*this);
}

void Cursor::restart() noexcept {
  if (!sequence_) return;
  sequence_.reset();
  needs_join_ = true;
  join_kind_ = JoinKind::skip;
  ++skips_;
}

MediaTime Cursor::lag() const noexcept {
  if (audience_ == nullptr || !sequence_) return 0;
  const StreamLog& log = audience_->feed().log();
  if (log.empty() || *sequence_ >= log.end()) return 0;
  return log.newest().time - log.at(std::max(*sequence_, log.first())).time;
}

Cursor::Served Cursor::serve() noexcept {
  Served served;
  if (waiting_ || stopped_ || audience_ == nullptr) return served;
  Feed& feed = audience_->feed();
  // The common case is one chunk behind: no policy applies, the position stands.
  if (!sequence_ || feed.log().end() - *sequence_ > 1) {
    if (!find_position(feed.log(), served)) return served;
  }
  if (needs_join_ && !send_join(feed, served)) return served;
  const Feed::Run run = feed.run(*sequence_);
  if (run.bytes == 0) {
    sequence_ = run.end;
    return served;
  }
  if (audience_->unsent_least() > unsent_) {
    unsent_ = audience_->unsent_least() * 2;
    sink_.on_unsent_needed(unsent_);
  }
  const auto written = sink_.write_now(run.buffers);
  if (!written) {
    stop();
    sink_.on_broken(written.error());
    return served;
  }
  served.first = *sequence_;
  served.bytes += *written;
  ++served.writes;
  if (*written == run.bytes) {
    sequence_ = run.end;
    served.behind = run.end < feed.log().end();
    return served;
  }
  // What the kernel did not take is kept only to the end of the chunk that was cut.
  const Feed::Cut cut = feed.locate(*sequence_, *written);
  served.short_write = true;
  waiting_ = true;
  sequence_ = cut.sequence + 1;
  sink_.write_rest(feed.rest(cut.sequence, cut.written));
  return served;
}

bool Cursor::find_position(const StreamLog& log, Served& served) noexcept {
  if (!sequence_) {
    sequence_ = log.newest_sync();
    return sequence_.has_value();
  }
  if (*sequence_ >= log.end()) return false;
  const LagDecision decision = decide(log, *sequence_, slow_, max_lag_);
  switch (decision.action) {
    case LagAction::stay:
      return true;
    case LagAction::jump:
      jump(decision.sequence, decision.reason, served);
      break;
    case LagAction::disconnect:
      stop();
      sink_.on_too_slow();
      return false;
  }
  return sequence_.has_value();
}

void Cursor::jump(std::optional<std::uint64_t> sequence, SkipReason reason,
                  Served& served) noexcept {
  sequence_ = sequence;
  needs_join_ = true;
  join_kind_ = JoinKind::skip;
  served.skipped = reason;
  ++skips_;
}

bool Cursor::send_join(Feed& feed, Served& served) noexcept {
  needs_join_ = false;
  const auto buffers = feed.join(*sequence_, join_kind_);
  if (buffers.empty()) return true;
  std::size_t size = 0;
  for (const iovec& buffer : buffers) size += buffer.iov_len;
  const auto written = sink_.write_now(buffers);
  if (!written) {
    stop();
    sink_.on_broken(written.error());
    return false;
  }
  served.bytes += *written;
  ++served.writes;
  if (*written == size) return true;
  served.short_write = true;
  waiting_ = true;
  sink_.write_rest(feed.join_rest(*written));
  return false;
}

}  // namespace stream

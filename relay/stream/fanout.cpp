#include "relay/stream/fanout.hpp"

#include <algorithm>
#include <utility>

#include "relay/base/assert.hpp"
#include "relay/stream/format.hpp"

namespace stream {
namespace {

// Looking at the clock costs as much as half a cursor: once for so many.
constexpr std::size_t batch = 8;

}  // namespace

void Fanout::on_append(Feed& feed, base::Time now) {
  for (const auto& audience : feed.audiences()) {
    if (audience->empty()) continue;
    audience->on_append(now, interval_of(*audience));
    if (!std::exchange(audience->listed, true)) due_.push_back(audience.get());
  }
}

void Fanout::serve_soon(Cursor& cursor) {
  if (std::exchange(cursor.queued_, true)) return;
  soon_.push_back(&cursor);
}

void Fanout::forget(Cursor& cursor) noexcept {
  if (!std::exchange(cursor.queued_, false)) return;
  soon_.erase(std::find(soon_.begin(), soon_.end(), &cursor));
}

void Fanout::forget(Audience& audience) noexcept {
  RELAY_ASSERT(audience.empty());
  if (std::exchange(audience.listed, false)) std::erase(due_, &audience);
}

void Fanout::catch_up(Format& format) {
  if (!std::exchange(format.listed, true)) behind_.push_back(&format);
}

void Fanout::forget(Format& format) noexcept {
  if (std::exchange(format.listed, false)) std::erase(behind_, &format);
}

// Half of the slice at most: the other half is for those who are served already.
base::Time Fanout::convert(base::Time now) noexcept {
  const base::Time end = now + slice / 2;
  while (!behind_.empty() && now < end) {
    Format& format = *behind_.back();
    if (format.is_behind()) {
      format.step();
      now = clock_();
    }
    if (!format.is_behind()) forget(format);
  }
  return now;
}

base::Duration Fanout::interval_of(const Audience& audience) const noexcept {
  return audience.flush_interval().value_or(governor_.interval());
}

Fanout::Next Fanout::run(base::Time now) noexcept {
  const base::Time slice_end = now + slice;
  if (!behind_.empty()) now = convert(now);
  Next next;
  std::size_t idle_in_row = 0;
  while (!soon_.empty() || idle_in_row < due_.size()) {
    if (!soon_.empty()) {
      serve_batch_soon();
      now = after_batch();
    }
    if (now >= slice_end) break;
    if (due_.empty()) continue;
    next_due_ %= due_.size();
    Audience& audience = *due_[next_due_];
    const base::Duration interval = interval_of(audience);
    const std::size_t count = audience.allowed(now, interval, batch);
    if (count > 0) {
      idle_in_row = 0;
      serve_batch_of(audience, count);
      now = after_batch();
    } else {
      ++idle_in_row;
    }
    if (!audience.is_due()) {
      audience.listed = false;
      due_[next_due_] = due_.back();
      due_.pop_back();
      continue;
    }
    ++next_due_;
    if (now >= slice_end) break;
  }
  next.now = !soon_.empty() || !behind_.empty();
  for (Audience* audience : due_) {
    if (!audience->is_due()) continue;  // the slice ended when everybody had left it
    const base::Duration interval = interval_of(*audience);
    if (audience->allowed(now, interval, 1) > 0) {
      next.now = true;
    } else {
      const base::Time tick = audience->next_tick(interval);
      next.later = next.later ? std::min(*next.later, tick) : tick;
    }
  }
  return next;
}

void Fanout::serve_batch_soon() noexcept {
  // One of them may leave others behind it, or take others with it.
  for (std::size_t count = std::min(batch, soon_.size()); count > 0 && !soon_.empty(); --count) {
    Cursor& cursor = *soon_.front();
    soon_.pop_front();
    cursor.queued_ = false;
    if (cursor.serve(counters_)) serve_soon(cursor);
  }
}

void Fanout::serve_batch_of(Audience& audience, std::size_t count) noexcept {
  for (; count > 0 && audience.is_due(); --count) {
    Cursor& cursor = audience.take_next();
    if (cursor.serve(counters_)) serve_soon(cursor);
  }
}

base::Time Fanout::after_batch() noexcept {
  const base::Time now = clock_();
  if (counters_.batch_writes > 0) {
    counters_.latency.observe(now - counters_.batch_received, counters_.batch_writes);
    counters_.batch_writes = 0;
  }
  return now;
}

}  // namespace stream

#include "relay/stream/audience.hpp"

#include <algorithm>

#include "relay/base/assert.hpp"
#include "relay/stream/cursor.hpp"
#include "relay/stream/fanout.hpp"
#include "relay/stream/feed.hpp"

namespace stream {

void Audience::add(Cursor& cursor) {
  cursor.audience_ = this;
  cursor.seat_ = cursors_.size();
  cursors_.push_back(&cursor);
  if (due_ > 0) ++due_;  // the rest of the round may pass the new seat
}

void Audience::remove(Cursor& cursor) {
  RELAY_ASSERT(cursors_[cursor.seat_] == &cursor);
  fanout_.forget(cursor);
  Cursor& moved = *cursors_.back();
  cursors_[cursor.seat_] = &moved;
  moved.seat_ = cursor.seat_;
  // Its new seat may be one that the round has passed already.
  if (due_ > 0 && &moved != &cursor) fanout_.serve_soon(moved);
  cursors_.pop_back();
  if (next_ >= cursors_.size()) next_ = 0;
  due_ = std::min(due_, cursors_.size());
  cursor.audience_ = nullptr;
  cursor.seat_ = Cursor::no_seat;
}

void Audience::on_append(base::Time now, base::Duration interval) noexcept {
  if (due_ == 0) {
    allowance_ = 0;
    // A whole round ended: the next one begins elsewhere, or the same viewer would always be last.
    if (!cursors_.empty()) next_ = (next_ + cursors_.size() * 3 / 8 + 1) % cursors_.size();
  }
  due_ = cursors_.size();
  if (interval > base::Duration::zero()) release(now, interval);
  unsent_least_ = feed_.unsent_least(flush_interval_.value_or(Governor::interval_max));
}

// A share of the circle for the time that passed; a stall releases one round and not more.
void Audience::release(base::Time now, base::Duration interval) noexcept {
  const auto passed = std::min(now - released_until_, interval);
  const auto size = static_cast<std::int64_t>(cursors_.size());
  const std::int64_t released = passed.count() * size / interval.count();
  if (released <= 0) return;
  const auto counted = base::Duration(released * interval.count() / size);
  released_until_ = passed == interval ? now : released_until_ + counted;
  allowance_ = std::min(allowance_ + static_cast<std::size_t>(released), cursors_.size());
}

std::size_t Audience::allowed(base::Time now, base::Duration interval, std::size_t most) noexcept {
  if (interval <= base::Duration::zero()) return std::min(due_, most);
  if (now - released_until_ >= interval) release(now, interval);
  const std::size_t released = std::min({due_, allowance_, most});
  if (released > 0) return released;
  std::size_t overdue = 0;
  for (std::size_t seat = next_; overdue < std::min(due_, most); ++overdue) {
    const auto since = cursors_[seat]->held_since();
    if (since && now - *since < interval) break;
    if (++seat == cursors_.size()) seat = 0;
  }
  return overdue;
}

base::Time Audience::next_tick(base::Duration interval) const noexcept {
  const auto since = cursors_[next_]->held_since();
  return interval + (since ? std::min(*since, released_until_) : released_until_);
}

Cursor& Audience::take_next() noexcept {
  Cursor& cursor = *cursors_[next_];
  if (++next_ == cursors_.size()) next_ = 0;
  // Thousands of viewers do not fit the cache: have the one after the next on its way, and what the
  // next one, which has come by now, points to.
  const std::size_t ahead = next_ + 1 < cursors_.size() ? next_ + 1 : 0;
  cursors_[ahead]->prefetch();
  cursors_[next_]->prefetch_sink();
  --due_;
  if (allowance_ > 0) --allowance_;
  return cursor;
}

}  // namespace stream

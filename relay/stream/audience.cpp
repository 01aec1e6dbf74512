#include "relay/stream/audience.hpp"

#include <algorithm>

#include "relay/base/assert.hpp"
#include "relay/stream/cursor.hpp"
#include "relay/stream/fanout.hpp"
#include "relay/stream/feed.hpp"

namespace stream {
namespace {

constexpr base::Duration tick_min = std::chrono::milliseconds(1);
constexpr int ticks_per_interval = 32;

}  // namespace

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

void Audience::on_append(base::Time now) noexcept {
  if (due_ == 0) {
    allowance_ = 0;
    released_until_ = now;
    // A whole round ended: the next one begins elsewhere, or the same viewer would always be last.
    if (!cursors_.empty()) next_ = (next_ + cursors_.size() * 3 / 8 + 1) % cursors_.size();
  }
  due_ = cursors_.size();
  unsent_least_ = feed_.unsent_least(flush_interval_.value_or(Governor::interval_max));
}

std::size_t Audience::allowed(base::Time now, base::Duration interval) noexcept {
  if (interval <= base::Duration::zero()) return due_;
  const auto size = static_cast<std::int64_t>(cursors_.size());
  // A stall may not release more than one round.
  const auto passed = std::min(std::max(now - released_until_, base::Duration::zero()), interval);
  const std::int64_t released = passed.count() * size / interval.count();
  if (released > 0) {
    const auto counted = base::Duration(released * interval.count() / size);
    released_until_ = passed == interval ? now : released_until_ + counted;
    allowance_ = std::min(allowance_ + static_cast<std::size_t>(released), cursors_.size());
  }
  return std::min(due_, allowance_);
}

base::Time Audience::next_tick(base::Duration interval) const noexcept {
  // Not before the next cursor is released, or few of them would keep the loop spinning.
  const auto size = static_cast<std::int64_t>(std::max<std::size_t>(cursors_.size(), 1));
  const base::Duration each{(interval.count() + size - 1) / size};
  return released_until_ + std::max({interval / ticks_per_interval, tick_min, each});
}

Cursor& Audience::take_next() noexcept {
  Cursor& cursor = *cursors_[next_];
  if (++next_ == cursors_.size()) next_ = 0;
  // Thousands of viewers do not fit the cache: have the one after the next on its way.
  const std::size_t ahead = next_ + 1 < cursors_.size() ? next_ + 1 : 0;
  cursors_[ahead]->prefetch();
  --due_;
  if (allowance_ > 0) --allowance_;
  return cursor;
}

}  // namespace stream

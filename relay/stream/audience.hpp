#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "relay/base/time.hpp"

namespace stream {

class Cursor;
class Fanout;
class Feed;

/// The cursors of one feed with one flush interval. They stand in a circle and are served in turn
/// from where the last round ended, so a new chunk in the middle of a round only makes the next
/// writes larger. With an interval, a round is spread over the chunks that come in it: each chunk
/// that arrives releases the part of the circle that stands for the time since the one before. So a
/// cursor is served about once an interval, just when something new is there, and the loop wakes
/// no oftener than without an interval. What cannot wait for the next chunk is served by the clock.
class Audience {
 public:
  Audience(Feed& feed, Fanout& fanout, std::optional<base::Duration> flush_interval)
      : feed_(feed), fanout_(fanout), flush_interval_(flush_interval) {}
  Audience(const Audience&) = delete;
  Audience& operator=(const Audience&) = delete;

  Feed& feed() noexcept { return feed_; }
  std::optional<base::Duration> flush_interval() const noexcept { return flush_interval_; }
  bool empty() const noexcept { return cursors_.empty(); }
  const std::vector<Cursor*>& cursors() const noexcept { return cursors_; }

  void add(Cursor& cursor);
  void remove(Cursor& cursor);
  Fanout& fanout() noexcept { return fanout_; }

  /// A chunk was appended: everybody is due once more, now or within the interval.
  void on_append(base::Time now, base::Duration interval) noexcept;
  /// What the sockets must have room for; as of the newest chunk.
  std::size_t unsent_least() const noexcept { return unsent_least_; }
  bool is_due() const noexcept { return due_ > 0; }
  /// Set by the fan-out while the audience is on its list.
  bool listed = false;

  /// How many of those due may be served now, `most` at most: released, or held back for as long as
  /// the interval allows. If none: when the next one may, should no chunk come before that.
  std::size_t allowed(base::Time now, base::Duration interval, std::size_t most) noexcept;
  base::Time next_tick(base::Duration interval) const noexcept;
  /// The next cursor of the round.
  Cursor& take_next() noexcept;

 private:
  void release(base::Time now, base::Duration interval) noexcept;

  Feed& feed_;
  Fanout& fanout_;
  std::optional<base::Duration> flush_interval_;
  std::vector<Cursor*> cursors_;
  std::size_t next_ = 0;
  std::size_t unsent_least_ = 0;
  std::size_t due_ = 0;          // cursors not served since the newest chunk
  std::size_t allowance_ = 0;    // of those, how many were released
  base::Time released_until_{};  // the time up to which the allowance was counted
};

}  // namespace stream

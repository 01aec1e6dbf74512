#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "relay/base/histogram.hpp"
#include "relay/base/time.hpp"
#include "relay/stream/audience.hpp"
#include "relay/stream/cursor.hpp"
#include "relay/stream/governor.hpp"

namespace stream {

class Format;

/// What one worker sent: plain integers, read when metrics are asked for.
struct FanoutCounters {
  std::uint64_t writes = 0;
  std::uint64_t short_writes = 0;
  std::uint64_t bytes = 0;
  std::array<std::uint64_t, skip_reason_count> skips{};
  base::Histogram latency;  ///< from a chunk's last byte received to its write, one for each write
  // Of the few cursors served since the clock was last looked at: how many wrote, and what the
  // last one sent.
  std::uint64_t batch_writes = 0;
  base::Time batch_received{};

  /// What another fan-out of the worker sent; its latency is not added.
  void add_sent(const FanoutCounters& other) noexcept {
    writes += other.writes;
    short_writes += other.short_writes;
    bytes += other.bytes;
    for (std::size_t reason = 0; reason < skips.size(); ++reason) {
      skips[reason] += other.skips[reason];
    }
  }
};

/// Serves all cursors of one worker, in slices: a turn of the loop serves for at most `slice`, then
/// polls, and goes on where it stopped, so no turn is long however many viewers a stream has.
class Fanout {
 public:
  static constexpr base::Duration slice = std::chrono::milliseconds(1);
  using Clock = base::Time (*)() noexcept;

  /// `clock`: what slices are measured by.
  explicit Fanout(Clock clock = &base::monotonic_now) noexcept : clock_(clock) {}

  /// Every audience of the feed has something new to send.
  void on_append(Feed& feed, base::Time now);
  /// Out of turn: one that fell behind, or whose unfinished write has ended.
  void serve_soon(Cursor& cursor);
  void forget(Cursor& cursor) noexcept;
  void forget(Audience& audience) noexcept;
  /// The format has chunks to convert, a slice at a time.
  void catch_up(Format& format);
  void forget(Format& format) noexcept;

  struct Next {
    bool now = false;                 ///< more can be sent at once
    std::optional<base::Time> later;  ///< else: when the next flush is due
  };
  /// Serves for at most one slice from `now` on.
  Next run(base::Time now) noexcept;

  Governor& governor() noexcept { return governor_; }
  const FanoutCounters& counters() const noexcept { return counters_; }

 private:
  friend class Cursor;  // counts what it writes out of turn
  base::Time convert(base::Time now) noexcept;
  void serve_batch_soon() noexcept;
  void serve_batch_of(Audience& audience, std::size_t count) noexcept;
  base::Time after_batch() noexcept;
  base::Duration interval_of(const Audience& audience) const noexcept;

  Clock clock_;
  Governor governor_;
  FanoutCounters counters_;
  std::deque<Cursor*> soon_;
  std::vector<Format*> behind_;
  std::vector<Audience*> due_;
  std::size_t next_due_ = 0;
};

}  // namespace stream

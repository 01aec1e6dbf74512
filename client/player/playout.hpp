#pragma once

#include <cstdint>
#include <optional>

#include "relay/base/time.hpp"

namespace client {

/// When a frame is due: one delay behind its capture for all of a stream, so that pictures stay as
/// far apart as they were and sound stays with them.
///
/// Live, the delay is `latency`. When for a second every frame was ready too late it grows by what
/// they lacked. When for three they were ready early again it shrinks by at most 2 % of the time
/// that passes; if it is more than `creep_limit` above the latency, at once by what is to spare.
/// Behind live (after a pause or a seek) it stays what it is, except that it grows likewise; a hole
/// in the stream is not waited for.
///
/// No clock of its own. One thread.
class Playout {
 public:
  /// Nearer to live than this, corrections bring a stream back to it.
  static constexpr base::Duration live_limit = std::chrono::seconds(1);

  /// By more than this above the latency, what would take a minute is made good at once.
  static constexpr base::Duration creep_limit = std::chrono::milliseconds(500);

  explicit Playout(base::Duration latency) noexcept : latency_(latency), delay_(latency) {}

  /// What comes next does not follow on what was: it is live, or goes on from where its first frame
  /// lies.
  void restart(bool is_live) noexcept;
  /// A frame is ready to be shown. `captured`: by its publisher's clock; without it the frame
  /// that came fastest after its `pts` counts as captured when it came. When it was captured, on
  /// our monotonic clock.
  base::Time add(base::Duration pts, std::optional<base::Utc> captured, base::Time now,
                 base::Utc utc_now) noexcept;
  /// Likewise, of a frame that says nothing about whether the delay is enough.
  base::Time locate(base::Duration pts, std::optional<base::Utc> captured, base::Time now,
                    base::Utc utc_now) noexcept;
  /// Corrects the delay by what is due for the time that passed; often.
  void on_time(base::Time now) noexcept;
  void pause(base::Time now) noexcept;
  void resume(base::Time now) noexcept;

  base::Time due(base::Time captured) const noexcept { return captured + delay_; }
  base::Duration delay() const noexcept { return delay_; }
  bool is_live() const noexcept { return is_live_; }
  /// Behind where it would be live; 0 if it is.
  base::Duration behind() const noexcept;

 private:
  void judge(base::Duration late, base::Time now) noexcept;
  void go_live_if_near() noexcept;

  const base::Duration latency_;
  base::Duration delay_;
  bool is_live_ = true;
  std::optional<base::Time> last_;        // captured, of the last frame
  bool must_anchor_ = false;              // the next frame says what the delay is
  base::Duration shift_{};                // clocks differ: nothing is captured in the future
  std::optional<base::Duration> origin_;  // without UTC: when pts 0 was captured
  std::optional<base::Time> paused_;
  std::optional<base::Time> last_time_;    // of on_time()
  std::optional<base::Time> judged_from_;  // the present second of judgement
  base::Duration least_late_{};
  base::Duration most_late_{};
  unsigned early_seconds_ = 0;  // in a row in which every frame had time to spare
};

}  // namespace client

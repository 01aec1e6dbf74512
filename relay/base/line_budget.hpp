#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "relay/base/time.hpp"

namespace base {

/// Bounds the log lines of an event that a peer can provoke as often as it likes: so many at once,
/// then so many a second; what is left out is counted and reported from time to time. A plain value
/// of one thread.
class LineBudget {
 public:
  static constexpr double lines_at_once = 100;
  static constexpr double lines_per_second = 2;
  static constexpr Duration report_interval = std::chrono::seconds(10);

  /// True when a line may be written now; otherwise it is counted.
  bool take(Time now) noexcept {
    lines_ = std::min(lines_at_once, lines_ + to_seconds(now - filled_) * lines_per_second);
    filled_ = now;
    if (lines_ < 1) {
      if (left_out_++ == 0) left_out_since_ = now;
      return false;
    }
    lines_ -= 1;
    return true;
  }

  /// How many were left out since the last report, or 0 while it is too early to say so again.
  std::uint64_t report_left_out(Time now) noexcept {
    if (left_out_ == 0 || now - left_out_since_ < report_interval) return 0;
    return std::exchange(left_out_, 0);
  }

 private:
  double lines_ = lines_at_once;
  Time filled_{};
  Time left_out_since_{};
  std::uint64_t left_out_ = 0;
};

}  // namespace base

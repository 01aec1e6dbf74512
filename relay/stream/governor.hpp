#pragma once

#include "relay/base/time.hpp"

namespace stream {

/// Chooses the flush interval `auto` of one worker from how busy it is: 0 while it is busy less
/// than half of the time, growing to 100 ms as it nears saturation. Larger writes cost less per
/// byte, so the worker settles between the two marks instead of stalling its viewers.
class Governor {
 public:
  static constexpr base::Duration interval_max = std::chrono::milliseconds(100);

  /// `busy`: share of the last quarter of a second, 0 to 1. Called once for each.
  void on_measured(double busy) noexcept {
    constexpr base::Duration step = std::chrono::milliseconds(10);
    if (busy > 0.9) {
      interval_ += 4 * step;  // about to stall: be quick
    } else if (busy > 0.75) {
      interval_ += step;
    } else if (busy < 0.5) {
      interval_ -= step;
    }
    interval_ = interval_ < base::Duration::zero() ? base::Duration::zero()
                : interval_ > interval_max         ? interval_max
                                                   : interval_;
  }
  base::Duration interval() const noexcept { return interval_; }

 private:
  base::Duration interval_{};
};

}  // namespace stream

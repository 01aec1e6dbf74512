#pragma once

#include <algorithm>
#include <utility>

#include "relay/base/time.hpp"

namespace server {

/// How long a source that ended waits for its next start: twice as long each time, and from the
/// beginning again once it has run for long enough. A plain value of one worker.
class Backoff {
 public:
  static constexpr base::Duration shortest = std::chrono::milliseconds(500);
  static constexpr base::Duration longest = std::chrono::seconds(30);
  static constexpr base::Duration good_run = std::chrono::seconds(10);

  /// `ran`: how long it did. `jitter`: 0 to 1; sources that ended in one moment, because their
  /// network did, start over a quarter of the time.
  base::Duration next(base::Duration ran, double jitter) noexcept {
    if (ran >= good_run) wait_ = shortest;
    const auto spread = std::chrono::duration_cast<base::Duration>(wait_ / 4 * jitter);
    return std::exchange(wait_, std::min(wait_ * 2, longest)) - spread;
  }

 private:
  base::Duration wait_ = shortest;
};

}  // namespace server

#pragma once

#include <optional>

#include "relay/base/time.hpp"

namespace client::camera {

/// Puts what a source says each time it is opened on one media time, which goes on by the time that
/// passes: the first frame of all stands at 0, that of each later pass where the clock is when it
/// arrives. A source whose times jump is treated as if it had been opened anew. One thread.
class PassClock {
 public:
  /// Frames of several streams come in some disorder, those of a film ahead of the clock.
  static constexpr std::chrono::seconds back_max{2};
  static constexpr std::chrono::seconds ahead_max{10};
  /// A later pass begins at least so far behind what came before.
  static constexpr std::chrono::milliseconds seam_min{50};

  /// What is added to the source's own times, for a frame whose time is `own`.
  base::Duration offset_for(base::Duration own, base::Time arrival) noexcept;
  /// The source was opened anew.
  void next_pass() noexcept { offset_.reset(); }

 private:
  std::optional<base::Time> origin_;  // when the first frame of all arrived
  std::optional<base::Duration> offset_;
  base::Duration newest_{};  // media time
};

}  // namespace client::camera

#pragma once

#include <cstdint>
#include <optional>

#include "relay/base/time.hpp"

namespace client::camera {

/// Puts the passes of a file that is played over and over behind one another: the first frame of
/// each stands where the longest track of the one before ended.
class LoopClock {
 public:
  /// A frame of the present pass, by the file's own time; `end`: where it ends.
  void on_frame(base::Duration dts, base::Duration end) noexcept;
  /// A new pass begins.
  void next_pass() noexcept;
  /// What is added to the file's times in the present pass. Whole ticks of 90 kHz, so that rounding
  /// does not add up over the passes.
  base::Duration offset() const noexcept;

 private:
  std::int64_t offset_ticks_ = 0;
  std::optional<base::Duration> begin_;  // of the present pass
  base::Duration end_{};
};

}  // namespace client::camera

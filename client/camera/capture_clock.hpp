#pragma once

#include <optional>

#include "relay/base/time.hpp"

namespace client::camera {

/// The UTC at which a frame was captured, from the time on the pipeline's clock. That clock may be
/// any, and UTC may be set while we run: where the two drift apart by more than `drift_max` the
/// difference is taken anew.
class CaptureClock {
 public:
  static constexpr std::chrono::milliseconds drift_max{1};

  /// `now` and `utc` were read at the same time, the one on the pipeline's clock.
  base::Utc at(base::Duration captured, base::Duration now, base::Utc utc) noexcept;

 private:
  std::optional<base::Duration> offset_;  // UTC minus the pipeline's clock
};

}  // namespace client::camera

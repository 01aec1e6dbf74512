#include "client/camera/pass_clock.hpp"

#include <algorithm>

namespace client::camera {

base::Duration PassClock::offset_for(base::Duration own, base::Time arrival) noexcept {
  if (!origin_) {
    origin_ = arrival;
    offset_ = -own;
  }
  const base::Duration clock = arrival - *origin_;
  if (offset_) {
    const base::Duration time = own + *offset_;
    const bool is_behind = time < newest_ - back_max;
    const bool is_ahead = time > std::max(newest_, clock) + ahead_max;
    if (is_behind || is_ahead) offset_.reset();
  }
  if (!offset_) offset_ = std::max(clock, newest_ + seam_min) - own;
  newest_ = std::max(newest_, own + *offset_);
  return *offset_;
}

}  // namespace client::camera

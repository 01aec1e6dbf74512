#include "client/camera/capture_clock.hpp"

namespace client::camera {

base::Utc CaptureClock::at(base::Duration captured, base::Duration now, base::Utc utc) noexcept {
  const base::Duration measured = utc.time_since_epoch() - now;
  if (!offset_ || std::chrono::abs(measured - *offset_) > drift_max) offset_ = measured;
  return base::Utc(std::chrono::floor<std::chrono::microseconds>(captured + *offset_));
}

}  // namespace client::camera

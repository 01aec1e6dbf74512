#include "relay/media/container/mpegts/dts_shift.hpp"

#include <algorithm>

namespace mpegts {

DtsShift::Stamps DtsShift::shift(Stamps in, bool is_sync) noexcept {
  if (is_sync) begins_at_pts_ = in.pts <= in.dts;
  delay_ = std::max(delay_, in.dts - in.pts);
  // A frame that is shown later than it is decoded, behind a sync frame that is shown at once: as
  // many frames will come that are shown before it, and after their dts. To learn that only from
  // them would be too late, their places would be taken.
  if (begins_at_pts_) delay_ = std::max(delay_, in.pts - in.dts);
  std::int64_t dts = in.dts - delay_;
  if (last_dts_) dts = std::max(dts, *last_dts_ + 1);
  dts = std::min(dts, in.pts);
  last_dts_ = std::max(dts, last_dts_.value_or(dts));
  return {in.pts, dts};
}

}  // namespace mpegts

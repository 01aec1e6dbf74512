#include "client/camera/frame_times.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "relay/media/timescale.hpp"

namespace client::camera {
namespace {

constexpr std::uint32_t nanoseconds_per_second = 1'000'000'000;

}  // namespace

std::int64_t FrameTimes::to_ticks(base::Duration time) const noexcept {
  return media::rescale(time.count(), timescale_, nanoseconds_per_second) +
         begin_seconds * timescale_;
}

// The dts are the pts in order, so many frames later that none is behind its pts.
std::int64_t FrameTimes::guess_dts(std::int64_t pts, std::int64_t interval) {
  const bool is_beginning = std::exchange(begins_, false);
  if (newest_pts_ && pts < *newest_pts_ && may_grow_ && reorder_ < usual_reorder) ++reorder_;
  newest_pts_ = std::max(pts, newest_pts_.value_or(pts));
  shown_later_.insert(std::ranges::upper_bound(shown_later_, pts), pts);
  if (shown_later_.size() <= reorder_) {
    if (is_beginning) return pts - static_cast<std::int64_t>(reorder_) * interval;
    return last_dts_.value_or(pts) + interval;
  }
  const std::int64_t dts = shown_later_.front();
  shown_later_.erase(shown_later_.begin());
  return dts;
}

void FrameTimes::interrupt() noexcept {
  shown_later_.clear();
  newest_pts_.reset();
  begins_ = true;
}

FrameTimes::Times FrameTimes::next(const Given& given) {
  Times times;
  if (given.duration && given.duration->count() > 0) {
    const std::int64_t ticks =
        media::rescale(given.duration->count(), timescale_, nanoseconds_per_second);
    times.duration = static_cast<std::uint32_t>(
        std::min<std::int64_t>(ticks, std::numeric_limits<std::uint32_t>::max()));
  }
  const std::int64_t expected =
      last_dts_ ? *last_dts_ + interval_ : begin_seconds * std::int64_t{timescale_};
  times.pts = given.pts ? to_ticks(*given.pts) : expected;
  if (given.dts) {
    times.dts = to_ticks(*given.dts);
    if (!given.pts) times.pts = times.dts;
  } else if (given.pts) {
    const std::int64_t interval = times.duration != 0 ? times.duration : timescale_ / 25;
    times.dts = guess_dts(times.pts, interval);
  } else {
    times.dts = expected;
  }
  // Sources exist whose times repeat or step back a little; a decoder wants each once.
  if (last_dts_) times.dts = std::max(times.dts, *last_dts_ + 1);
  if (!given.dts && reorder_ == 0) times.pts = std::max(times.pts, times.dts);
  if (last_dts_) interval_ = times.dts - *last_dts_;
  last_dts_ = times.dts;
  return times;
}

}  // namespace client::camera

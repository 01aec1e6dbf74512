#include "client/camera/frame_times.hpp"

#include <algorithm>
#include <limits>

#include "relay/media/timescale.hpp"

namespace client::camera {
namespace {

constexpr std::uint32_t nanoseconds_per_second = 1'000'000'000;

}  // namespace

std::int64_t FrameTimes::to_ticks(base::Duration time) const noexcept {
  return media::rescale(time.count(), timescale_, nanoseconds_per_second) +
         begin_seconds * timescale_;
}

FrameTimes::Times FrameTimes::next(const Given& given) noexcept {
  const std::int64_t expected =
      last_dts_ ? *last_dts_ + interval_ : begin_seconds * std::int64_t{timescale_};
  Times times;
  const auto dts = given.dts ? given.dts : given.pts;
  times.dts = dts ? to_ticks(*dts) : expected;
  // Sources exist whose times repeat or step back a little; a decoder wants each once.
  if (last_dts_) times.dts = std::max(times.dts, *last_dts_ + 1);
  times.pts = given.pts ? to_ticks(*given.pts) : times.dts;
  if (given.duration && given.duration->count() > 0) {
    const std::int64_t ticks =
        media::rescale(given.duration->count(), timescale_, nanoseconds_per_second);
    times.duration = static_cast<std::uint32_t>(
        std::min<std::int64_t>(ticks, std::numeric_limits<std::uint32_t>::max()));
  }
  if (last_dts_) interval_ = times.dts - *last_dts_;
  last_dts_ = times.dts;
  return times;
}

}  // namespace client::camera

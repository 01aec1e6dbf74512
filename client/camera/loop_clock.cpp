#include "client/camera/loop_clock.hpp"

#include <algorithm>

#include "relay/media/timescale.hpp"

namespace client::camera {
namespace {

constexpr std::uint32_t ticks_per_second = 90'000;
constexpr std::uint32_t nanoseconds_per_second = 1'000'000'000;

}  // namespace

void LoopClock::on_frame(base::Duration dts, base::Duration end) noexcept {
  end_ = begin_ ? std::max(end_, end) : end;
  begin_ = begin_ ? std::min(*begin_, dts) : dts;
}

void LoopClock::next_pass() noexcept {
  if (!begin_) return;
  const base::Duration length = end_ - *begin_;
  offset_ticks_ += media::rescale(length.count(), ticks_per_second, nanoseconds_per_second);
  begin_.reset();
}

base::Duration LoopClock::offset() const noexcept {
  return base::Duration(media::rescale(offset_ticks_, nanoseconds_per_second, ticks_per_second));
}

}  // namespace client::camera

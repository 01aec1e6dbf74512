#include "relay/media/timeline.hpp"

#include <algorithm>

namespace media {
namespace {

using std::chrono::microseconds;

// 90 kHz against microseconds: 9 to 100, exactly.
constexpr std::int64_t to_ticks(microseconds duration) { return duration.count() * 9 / 100; }
constexpr microseconds to_duration(std::int64_t ticks) {
  return microseconds{ticks / 9 * 100 + ticks % 9 * 100 / 9};
}

}  // namespace

Timeline::Timeline(base::Utc start, const std::optional<Past>& past) noexcept : past_(past) {
  begin_at(start);
}

void Timeline::begin_at(base::Utc start) noexcept {
  place_first(start, past_ ? follow_past(start, seam_min) : begin);
}

void Timeline::resume_at(base::Utc start, const std::optional<std::int64_t>& time) noexcept {
  place_first(start, time ? *time : past_ ? follow_past(start, 0) : begin);
}

// By the UTC that has passed, but at least so far behind the end.
std::int64_t Timeline::follow_past(base::Utc start, std::int64_t distance) const noexcept {
  return past_->time + std::max(to_ticks(start - past_->end), distance);
}

void Timeline::place_first(base::Utc start, std::int64_t time) noexcept {
  if (!is_first_ || continues_) return;
  next_ = time_ = std::max(time, begin);
  anchor_ = start - to_duration(next_);
}

base::Utc Timeline::utc_of(std::int64_t time) const noexcept { return anchor_ + to_duration(time); }

Timeline::Position Timeline::on_frame(std::optional<std::int64_t> dts_90k,
                                      base::Utc arrival) noexcept {
  std::int64_t time = is_first_ ? next_ : time_ + interval_;
  const bool is_seam = is_first_ && continues_;
  // The end's UTC is anchor + media time, so a publisher that ran ahead is followed without a hole.
  if (is_seam) time += std::max(seam_min, to_ticks(arrival - utc_of(time)));
  bool jumped = is_seam;
  if (dts_90k && offset_) {
    time = *dts_90k + *offset_;
    if (const std::int64_t step = time - time_; step > jump_max || step < -jump_max) {
      time = time_ + std::max<std::int64_t>(to_ticks(arrival - last_arrival_), 1);
      offset_.reset();
      jumped = true;
    }
    // A small step back is a frame out of order or a timestamp rounded down.
    time = std::max(time, time_);
  }
  if (dts_90k && !offset_) offset_ = time - *dts_90k;
  if (!is_first_ && !jumped && time > time_) interval_ = time - time_;
  time_ = time;
  last_arrival_ = arrival;
  is_first_ = false;

  // Only media that falls behind moves the anchor, forward. Media that runs ahead of the clock is a
  // publisher that sends a file faster than real time, up to publisher.ahead: that is no error.
  const auto behind = arrival - utc_of(time);
  if (behind > behind_max) anchor_ += behind;
  return {time, utc_of(time), jumped, is_seam};
}

void Timeline::on_new_publisher() noexcept {
  if (is_first_) return;  // nothing was numbered since the last
  next_ = time_ + interval_;
  offset_.reset();
  is_first_ = true;
  continues_ = true;
}

}  // namespace media

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
  place_first(start, past_ ? past_->time + seam_min : begin);
}

void Timeline::resume_at(base::Utc start, bool is_repeated) noexcept {
  place_first(start, past_ && !is_repeated ? past_->time : begin);
}

// The earlier log tells which media time a UTC has.
void Timeline::place_first(base::Utc start, std::int64_t least) noexcept {
  if (!is_first_ || continues_) return;
  const std::int64_t time = past_ ? past_->time + to_ticks(start - past_->end) : begin;
  next_ = time_ = std::max({time, least, begin});
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

#include "client/player/playout.hpp"

#include <algorithm>

namespace client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds judged{1};
constexpr milliseconds spare{20};   // beyond what a late stream lacks
constexpr milliseconds ample{40};   // so early that the delay may shrink
constexpr unsigned ample_for = 3;   // seconds in a row
constexpr milliseconds ahead{100};  // what a stream behind live has to begin with
constexpr int correction = 50;      // one part in so many of the time that passes
constexpr seconds elsewhere{5};     // without UTC: so late is another timeline

}  // namespace

void Playout::restart(bool is_live) noexcept {
  is_live_ = is_live;
  must_anchor_ = !is_live;
  delay_ = latency_;
  shift_ = {};
  origin_.reset();
  last_.reset();
  paused_.reset();
  judged_from_.reset();
  early_seconds_ = 0;
}

base::Time Playout::add(base::Duration pts, std::optional<base::Utc> captured, base::Time now,
                        base::Utc utc_now) noexcept {
  const base::Time when = locate(pts, captured, now, utc_now);
  if (!is_live_ && last_ && when - *last_ > live_limit) must_anchor_ = true;
  last_ = when;
  if (must_anchor_) {
    must_anchor_ = false;
    delay_ = std::max(now - when + ahead, latency_);
    go_live_if_near();
  }
  if (!paused_) judge(now - due(when), now);
  return when;
}

base::Time Playout::locate(base::Duration pts, std::optional<base::Utc> captured, base::Time now,
                           base::Utc utc_now) noexcept {
  if (captured) {
    const base::Time when = now + (*captured - utc_now) + shift_;
    if (when <= now) return when;
    shift_ -= when - now;
    return now;
  }
  const base::Duration came = now.time_since_epoch() - pts;
  const bool is_elsewhere = origin_ && !paused_ && came - *origin_ - delay_ > elsewhere;
  if (!origin_ || came < *origin_ || is_elsewhere) origin_ = came;
  return base::Time(*origin_ + pts);
}

void Playout::judge(base::Duration late, base::Time now) noexcept {
  if (!judged_from_) {
    judged_from_ = now;
    least_late_ = most_late_ = late;
  }
  least_late_ = std::min(least_late_, late);
  most_late_ = std::max(most_late_, late);
  if (now - *judged_from_ < judged) return;
  judged_from_.reset();
  if (least_late_ > base::Duration::zero()) delay_ += least_late_ + spare;
  early_seconds_ = most_late_ < -ample ? early_seconds_ + 1 : 0;
  if (!is_live_ || early_seconds_ < ample_for || delay_ - latency_ <= creep_limit) return;
  delay_ = std::max(latency_, delay_ + most_late_ + ample);
  early_seconds_ = 0;
}

void Playout::on_time(base::Time now) noexcept {
  const base::Duration passed = last_time_ ? now - *last_time_ : base::Duration::zero();
  last_time_ = now;
  if (!is_live_ || paused_ || early_seconds_ < ample_for || delay_ <= latency_) return;
  delay_ = std::max(latency_, delay_ - passed / correction);
}

void Playout::pause(base::Time now) noexcept {
  if (!paused_) paused_ = now;
}

void Playout::resume(base::Time now) noexcept {
  if (!paused_) return;
  delay_ += now - *paused_;
  paused_.reset();
  judged_from_.reset();
  early_seconds_ = 0;
  is_live_ = false;
  go_live_if_near();
}

void Playout::go_live_if_near() noexcept {
  if (delay_ - latency_ <= live_limit) is_live_ = true;
}

base::Duration Playout::behind() const noexcept {
  return is_live_ ? base::Duration::zero() : delay_ - latency_;
}

}  // namespace client

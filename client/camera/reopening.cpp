#include "client/camera/reopening.hpp"

#include <algorithm>

namespace client::camera {

void Reopening::on_open(base::Time now) noexcept {
  opens_at_.reset();
  first_frame_.reset();
  stalls_at_ = now + std::max<base::Duration>(stall_, opening_min);
}

void Reopening::on_frame(base::Time now) noexcept {
  if (opens_at_) return;
  denied_ = 0;
  stalls_at_ = now + stall_;
  if (!first_frame_) first_frame_ = now;
  if (now - *first_frame_ >= steady) backoff_.succeed();
}

std::optional<base::Duration> Reopening::on_loss(Loss loss, base::Time now,
                                                 std::uint64_t random) noexcept {
  stalls_at_.reset();
  opens_at_.reset();
  denied_ = loss == Loss::denied ? denied_ + 1 : 0;
  if (denied_ >= denied_max) return std::nullopt;
  const auto wait = backoff_.next({}, random);
  if (wait) opens_at_ = now + *wait;
  return wait;
}

bool Reopening::has_stalled(base::Time now) const noexcept {
  return stalls_at_ && *stalls_at_ <= now;
}

std::optional<base::Time> Reopening::deadline() const noexcept {
  return opens_at_ ? opens_at_ : stalls_at_;
}

}  // namespace client::camera

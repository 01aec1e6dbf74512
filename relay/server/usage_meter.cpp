#include "relay/server/usage_meter.hpp"

#include <utility>

namespace server {
namespace {

constexpr std::chrono::seconds clock_error_max{1};

}  // namespace

void UsageMeter::see_publisher(std::uint64_t id, const std::string& stream, std::uint64_t bytes) {
  Told& told = told_[id];
  if (bytes == told.bytes) return;
  seen_of(stream).bytes_in += bytes - std::exchange(told.bytes, bytes);
}

void UsageMeter::see_clip(std::uint64_t id, const std::string& stream, std::uint64_t bytes) {
  Told& told = told_[id];
  if (bytes == told.bytes) return;
  seen_of(stream).bytes_out += bytes - std::exchange(told.bytes, bytes);
}

void UsageMeter::see_viewer(Told& told, const std::string& stream, std::uint64_t bytes,
                            base::Time started, base::Time now) {
  if (bytes == 0) return;
  Seen& seen = seen_of(stream);
  seen.bytes_out += bytes - std::exchange(told.bytes, bytes);
  const base::Time until = std::exchange(told.until, now);
  const base::Time from = until == base::Time() ? started : until;
  if (from >= now) return;
  // Those that were there the last time have the same times: one entry is enough for them.
  for (Viewing* one : {seen.viewings.empty() ? nullptr : &seen.viewings.front(),
                       seen.viewings.empty() ? nullptr : &seen.viewings.back()}) {
    if (one == nullptr || one->from != from || one->to != now) continue;
    ++one->viewers;
    return;
  }
  seen.viewings.push_back({from, now, 1});
}

// Viewers of one stream often come one after the other.
UsageMeter::Seen& UsageMeter::seen_of(const std::string& stream) {
  if (last_seen_ == nullptr || last_seen_->first != stream) {
    last_seen_ = &*seen_.try_emplace(stream).first;
  }
  return last_seen_->second;
}

void UsageMeter::deliver(base::Time now, base::Utc utc) {
  follow_clock(now, utc);
  if (seen_.empty()) return;
  std::vector<StreamUse> uses;
  uses.reserve(seen_.size());
  last_seen_ = nullptr;
  for (const auto& [stream, seen] : std::exchange(seen_, {})) {
    StreamUse& use = uses.emplace_back();
    use.stream = stream;
    use.bytes_in = seen.bytes_in;
    use.bytes_out = seen.bytes_out;
    for (const Viewing& one : seen.viewings) {
      use.viewings.push_back({to_utc(one.from), to_utc(one.to), one.viewers});
    }
  }
  book_.add(uses, to_utc(now));
}

base::Utc UsageMeter::to_utc(base::Time time) const noexcept {
  return anchor_utc_ + std::chrono::floor<std::chrono::microseconds>(time - anchor_);
}

void UsageMeter::follow_clock(base::Time now, base::Utc utc) noexcept {
  const auto error = to_utc(now) - utc;
  if (anchor_ != base::Time() && error < clock_error_max && error > -clock_error_max) return;
  anchor_ = now;
  anchor_utc_ = utc;
}

}  // namespace server

#include "client/player/latency.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

namespace client {

std::size_t Latencies::bucket_of(std::uint64_t us) noexcept {
  if (us < steps) return static_cast<std::size_t>(us);
  const auto octave = std::min(static_cast<std::size_t>(std::bit_width(us)) - 7, octaves - 1);
  const std::uint64_t step = std::min<std::uint64_t>(us >> octave, 2 * steps - 1) - steps;
  return steps * (octave + 1) + static_cast<std::size_t>(step);
}

std::uint64_t Latencies::upper_bound(std::size_t bucket) noexcept {
  if (bucket < steps) return bucket;
  const std::size_t octave = bucket / steps - 1;
  return ((std::uint64_t{bucket % steps} + steps + 1) << octave) - 1;
}

void Latencies::add(base::Duration latency) noexcept {
  latency = std::max(latency, base::Duration::zero());
  ++counts_[bucket_of(static_cast<std::uint64_t>(latency.count()) / 1000)];
  ++count_;
  max_ = std::max(max_, latency);
}

base::Duration Latencies::quantile(double share) const noexcept {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
    seen += counts_[bucket];
    if (counts_[bucket] == 0 || seen < wanted) continue;
    const std::chrono::microseconds bound(static_cast<std::int64_t>(upper_bound(bucket)));
    return std::min<base::Duration>(bound, max_);
  }
  return max_;
}

void RecentLatencies::add(base::Duration latency) noexcept {
  latencies_[count_ % kept_max] = latency;
  ++count_;
}

std::optional<base::Duration> RecentLatencies::median() const noexcept {
  if (count_ == 0) return std::nullopt;
  auto latencies = latencies_;
  const auto end = latencies.begin() + static_cast<std::ptrdiff_t>(std::min(count_, kept_max));
  const auto middle = latencies.begin() + (end - latencies.begin()) / 2;
  std::nth_element(latencies.begin(), middle, end);
  return *middle;
}

}  // namespace client

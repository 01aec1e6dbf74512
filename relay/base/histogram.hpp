#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "relay/base/time.hpp"

namespace base {

/// Durations counted in buckets, two per octave from 1 µs to 16 s: plain integers of one worker,
/// cheap enough for the hot path.
class Histogram {
 public:
  static constexpr std::size_t bucket_count = 50;

  void observe(Duration duration, std::uint64_t times = 1) noexcept {
    const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0)) / 1000;
    counts_[bucket_of(us)] += times;
    sum_us_ += us * times;
  }

  const std::array<std::uint64_t, bucket_count>& counts() const noexcept { return counts_; }
  std::uint64_t sum_us() const noexcept { return sum_us_; }
  std::uint64_t total() const noexcept;
  void add(const Histogram& other) noexcept;

  /// The largest duration that bucket `index` counts, in microseconds; the last one has no bound.
  static std::uint64_t upper_bound_us(std::size_t index) noexcept;
  /// An upper bound for the given share (0 to 1) of all durations, in microseconds.
  std::uint64_t quantile_us(double share) const noexcept;

 private:
  // 0 and 1 µs, then [2^n, 1.5 · 2^n) and [1.5 · 2^n, 2^(n + 1)).
  static std::size_t bucket_of(std::uint64_t us) noexcept {
    if (us < 2) return static_cast<std::size_t>(us);
    const auto octave = static_cast<std::size_t>(std::bit_width(us)) - 1;
    return std::min(octave * 2 + (us >> (octave - 1) & 1), bucket_count - 1);
  }

  std::array<std::uint64_t, bucket_count> counts_{};
  std::uint64_t sum_us_ = 0;
};

}  // namespace base

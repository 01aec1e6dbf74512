#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "relay/base/time.hpp"

namespace client {

/// Latencies counted in buckets of at most 1.6 % of their size, so that a quantile is about exact
/// after any time. What is negative (clocks that differ) counts as 0.
class Latencies {
 public:
  void add(base::Duration latency) noexcept;

  std::uint64_t count() const noexcept { return count_; }
  /// The largest that the bucket of this share (0 to 1) counts, at most the maximum.
  base::Duration quantile(double share) const noexcept;
  base::Duration max() const noexcept { return max_; }

 private:
  // Of microseconds: 64 linear buckets, then 64 for each of the octaves above, up to 2^40 µs.
  static constexpr std::size_t steps = 64;
  static constexpr std::size_t octaves = 34;
  static std::size_t bucket_of(std::uint64_t us) noexcept;
  static std::uint64_t upper_bound(std::size_t bucket) noexcept;

  std::array<std::uint32_t, steps*(octaves + 1)> counts_{};
  std::uint64_t count_ = 0;
  base::Duration max_{};
};

/// The last `kept_max` latencies: what they are about now, whatever a single one was.
class RecentLatencies {
 public:
  static constexpr std::size_t kept_max = 48;

  void add(base::Duration latency) noexcept;
  std::optional<base::Duration> median() const noexcept;

 private:
  std::array<base::Duration, kept_max> latencies_{};
  std::size_t count_ = 0;
};

}  // namespace client

#include "relay/base/histogram.hpp"

namespace base {

std::uint64_t Histogram::total() const noexcept {
  std::uint64_t total = 0;
  for (const auto count : counts_) total += count;
  return total;
}

void Histogram::add(const Histogram& other) noexcept {
  for (std::size_t index = 0; index < bucket_count; ++index) counts_[index] += other.counts_[index];
  sum_us_ += other.sum_us_;
}

std::uint64_t Histogram::upper_bound_us(std::size_t index) noexcept {
  if (index < 2) return index;
  const std::uint64_t octave = std::uint64_t{1} << (index / 2);
  return (index % 2 == 0 ? octave + octave / 2 : octave * 2) - 1;
}

std::uint64_t Histogram::quantile_us(double share) const noexcept {
  const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total()));
  std::uint64_t seen = 0;
  for (std::size_t index = 0; index < bucket_count; ++index) {
    seen += counts_[index];
    if (seen > wanted) return upper_bound_us(index);
  }
  return upper_bound_us(bucket_count - 1);
}

}  // namespace base

#include "relay/server/drain_schedule.hpp"

#include <algorithm>

namespace server {

DrainSchedule::DrainSchedule(std::vector<std::uint64_t> viewers, base::Time begin,
                             base::Duration spread, std::mt19937_64& random) {
  if (viewers.empty()) return;
  std::shuffle(viewers.begin(), viewers.end(), random);
  const auto count = static_cast<std::int64_t>(viewers.size());
  // In a slot of its own: spread * count would overflow with hours and millions.
  const base::Duration slot = spread / count;
  std::uniform_int_distribution<std::int64_t> within(0, slot.count());
  moments_.reserve(viewers.size());
  for (std::int64_t index = count; index > 0; --index) {
    const base::Duration at = slot * (index - 1) + base::Duration(within(random));
    moments_.push_back({begin + at, viewers[static_cast<std::size_t>(index - 1)]});
  }
}

std::optional<std::uint64_t> DrainSchedule::take_due(base::Time now) noexcept {
  if (moments_.empty() || now < moments_.back().due) return std::nullopt;
  const std::uint64_t viewer = moments_.back().viewer;
  moments_.pop_back();
  return viewer;
}

std::optional<base::Time> DrainSchedule::next() const noexcept {
  if (moments_.empty()) return std::nullopt;
  return moments_.back().due;
}

}  // namespace server

#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "relay/base/time.hpp"

namespace server {

/// When each viewer of a worker is told to move. The interval has one slot for each, and a viewer's
/// moment lies somewhere in its slot, so that workers and relays that drain together do not tell
/// theirs in step. The order is random: no stream loses all of its viewers first.
class DrainSchedule {
 public:
  DrainSchedule() = default;
  DrainSchedule(std::vector<std::uint64_t> viewers, base::Time begin, base::Duration spread,
                std::mt19937_64& random);

  /// One whose moment has come; each is returned once.
  std::optional<std::uint64_t> take_due(base::Time now) noexcept;
  /// The next moment, as long as there is one.
  std::optional<base::Time> next() const noexcept;

 private:
  struct Moment {
    base::Time due;
    std::uint64_t viewer;
  };
  std::vector<Moment> moments_;  // the next one last
};

}  // namespace server

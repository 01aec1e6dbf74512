#include "relay/server/drain_schedule.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

namespace server {
namespace {

using namespace std::chrono_literals;

constexpr base::Time begin{1h};

std::vector<std::uint64_t> viewers(std::size_t count) {
  std::vector<std::uint64_t> ids(count);
  std::iota(ids.begin(), ids.end(), 1);
  return ids;
}

struct Told {
  base::Time at;
  std::uint64_t viewer;
};

/// Takes all, each at its moment.
std::vector<Told> tell_all(DrainSchedule schedule) {
  std::vector<Told> told;
  while (const auto due = schedule.next()) {
    CHECK_FALSE(schedule.take_due(*due - 1ns));
    const auto viewer = schedule.take_due(*due);
    REQUIRE(viewer);
    told.push_back({*due, *viewer});
  }
  CHECK_FALSE(schedule.take_due(begin + 24h));
  return told;
}

}  // namespace

TEST_CASE("without viewers there is nobody to tell") {
  std::mt19937_64 random(1);
  CHECK(tell_all(DrainSchedule()).empty());
  CHECK(tell_all(DrainSchedule({}, begin, 2s, random)).empty());
}

TEST_CASE("every viewer has one moment in its own slot of the interval") {
  std::mt19937_64 random(1);
  const auto told = tell_all(DrainSchedule(viewers(200), begin, 2s, random));
  REQUIRE(told.size() == 200);
  for (std::size_t slot = 0; slot < told.size(); ++slot) {
    CHECK(told[slot].at >= begin + 10ms * slot);
    CHECK(told[slot].at <= begin + 10ms * (slot + 1));
  }
  std::vector<std::uint64_t> ids;
  for (const Told& one : told) ids.push_back(one.viewer);
  CHECK_FALSE(std::is_sorted(ids.begin(), ids.end()));
  std::sort(ids.begin(), ids.end());
  CHECK(ids == viewers(200));
}

TEST_CASE("without an interval all are due at once") {
  std::mt19937_64 random(1);
  DrainSchedule schedule(viewers(1000), begin, 0s, random);
  std::size_t told = 0;
  while (schedule.take_due(begin)) ++told;
  CHECK(told == 1000);
  CHECK_FALSE(schedule.next());
}

TEST_CASE("more viewers than nanoseconds and a long interval fit") {
  std::mt19937_64 random(1);
  CHECK(tell_all(DrainSchedule(viewers(100), begin, 10ns, random)).size() == 100);
  const auto told = tell_all(DrainSchedule(viewers(100'000), begin, 10min, random));
  CHECK(told.back().at <= begin + 10min);
}

TEST_CASE("two workers do not tell theirs in step") {
  std::mt19937_64 random(1);
  const auto one = tell_all(DrainSchedule(viewers(50), begin, 1s, random));
  const auto other = tell_all(DrainSchedule(viewers(50), begin, 1s, random));
  std::size_t together = 0;
  for (std::size_t slot = 0; slot < one.size(); ++slot) together += one[slot].at == other[slot].at;
  CHECK(together < 5);
}

}  // namespace server

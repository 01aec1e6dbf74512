#include "client/player/latency.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace client {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

}  // namespace

TEST_CASE("quantiles of few latencies are exact where they are small") {
  Latencies latencies;
  for (int us = 1; us <= 50; ++us) latencies.add(microseconds(us));
  CHECK(latencies.count() == 50);
  CHECK(latencies.quantile(0.5) == microseconds(25));
  CHECK(latencies.quantile(0.99) == microseconds(50));
  CHECK(latencies.max() == microseconds(50));
}

TEST_CASE("quantiles are at most a sixty-fourth too large at every size") {
  for (std::int64_t us = 1; us < 20'000'000'000; us = us * 5 / 3 + 1) {
    Latencies latencies;
    latencies.add(microseconds(us));
    latencies.add(std::chrono::hours(10));
    const auto found = latencies.quantile(0.5);
    CHECK(found >= microseconds(us));
    CHECK(found <= microseconds(us + us / 64 + 1));
  }
}

TEST_CASE("quantiles agree with sorted latencies") {
  std::vector<base::Duration> sorted;
  Latencies latencies;
  std::uint64_t random = 1;
  for (int time = 0; time < 2000; ++time) {
    random = random * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
    sorted.emplace_back(microseconds(random >> 33 & 0xfffff));
    latencies.add(sorted.back());
  }
  std::ranges::sort(sorted);
  for (const auto& [share, index] : {std::pair(0.5, 999U), std::pair(0.99, 1979U)}) {
    const auto found = latencies.quantile(share);
    CHECK(found >= sorted[index]);
    CHECK(found <= sorted[index] + sorted[index] / 64 + microseconds(1));
  }
  CHECK(latencies.max() == sorted.back());
}

TEST_CASE("no latency at all and what is negative and what is huge are counted") {
  Latencies latencies;
  CHECK(latencies.quantile(0.5) == base::Duration::zero());
  latencies.add(-milliseconds(5));
  CHECK(latencies.quantile(0.5) == base::Duration::zero());
  latencies.add(base::Duration::max());
  CHECK(latencies.max() == base::Duration::max());
  CHECK(latencies.quantile(1) > std::chrono::hours(24));
}

TEST_CASE("of the recent latencies the median is told and older ones are forgotten") {
  RecentLatencies recent;
  CHECK(!recent.median());
  recent.add(milliseconds(7));
  CHECK(recent.median() == milliseconds(7));
  recent.add(-milliseconds(900));
  recent.add(milliseconds(5));
  CHECK(recent.median() == milliseconds(5));
  for (std::size_t count = 0; count < RecentLatencies::kept_max; ++count) {
    recent.add(milliseconds(20));
  }
  CHECK(recent.median() == milliseconds(20));
}

}  // namespace client

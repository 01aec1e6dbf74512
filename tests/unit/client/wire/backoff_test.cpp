#include "client/wire/backoff.hpp"

#include <doctest/doctest.h>

#include <limits>

namespace client {
namespace {

using std::chrono::milliseconds;
constexpr std::uint64_t random_max = std::numeric_limits<std::uint64_t>::max();
constexpr Backoff::Policy policy{milliseconds(50), milliseconds(300), std::nullopt};

}  // namespace

TEST_CASE("each wait is up to twice the one before until the bound") {
  Backoff backoff(policy);
  for (const int bound : {50, 100, 200, 300, 300}) {
    const auto wait = backoff.next({}, 0);
    REQUIRE(wait);
    CHECK(*wait == milliseconds(bound) / 2);
  }
}

TEST_CASE("a wait lies between half of the bound and the bound") {
  for (const std::uint64_t random : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{25'000'000},
                                     std::uint64_t{123'456'789'012}, random_max}) {
    Backoff backoff(policy);
    const auto wait = backoff.next({}, random);
    REQUIRE(wait);
    CHECK(*wait >= milliseconds(25));
    CHECK(*wait <= milliseconds(50));
  }
  Backoff backoff(policy);
  CHECK(*backoff.next({}, 25'000'000) == milliseconds(50));
}

TEST_CASE("what the peer asked for comes before the wait") {
  Backoff backoff(policy);
  CHECK(*backoff.next(milliseconds(3500), 0) == milliseconds(3525));
  CHECK(*backoff.next(milliseconds(-5), 0) == milliseconds(50));
}

TEST_CASE("after a success waits begin anew") {
  Backoff backoff(policy);
  for (int time = 0; time < 5; ++time) backoff.next({}, 0);
  backoff.succeed();
  CHECK(backoff.failures() == 0);
  CHECK(*backoff.next({}, 0) == milliseconds(25));
}

TEST_CASE("it gives up when the retries are used up and not before") {
  Backoff::Policy bounded = policy;
  bounded.retries = 2;
  Backoff backoff(bounded);
  CHECK(backoff.next({}, 0));
  CHECK(backoff.next({}, 0));
  CHECK(!backoff.next({}, 0));
  backoff.succeed();
  CHECK(backoff.next({}, 0));
  bounded.retries = 0;
  CHECK(!Backoff(bounded).next({}, 0));
}

TEST_CASE("without a bound it never gives up") {
  Backoff backoff(policy);
  for (int time = 0; time < 100'000; ++time) REQUIRE(backoff.next({}, random_max));
}

}  // namespace client

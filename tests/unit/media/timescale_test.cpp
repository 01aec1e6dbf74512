#include "relay/media/timescale.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <limits>

using media::rescale;

namespace {
constexpr std::int64_t max = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t min = std::numeric_limits<std::int64_t>::min();
constexpr std::uint32_t scale_max = std::numeric_limits<std::uint32_t>::max();
}  // namespace

TEST_CASE("a time on another clock is the nearest tick") {
  CHECK(rescale(0, 44'100, 90'000) == 0);
  CHECK(rescale(90'000, 44'100, 90'000) == 44'100);
  CHECK(rescale(1024, 90'000, 44'100) == 2090);   // 2089.8
  CHECK(rescale(1024, 90'000, 48'000) == 1920);   // exactly
  CHECK(rescale(2, 44'100, 90'000) == 1);         // 0.98
  CHECK(rescale(1, 44'100, 90'000) == 0);         // 0.49
  CHECK(rescale(1001, 90'000, 30'000) == 3003);   // exactly
  CHECK(rescale(1000, 44'100, 48'000) == 919);    // 918.75
  static_assert(rescale(3, 1'000, 90'000) == 0);  // 0.03
}

TEST_CASE("halves go up on both sides of zero") {
  CHECK(rescale(1, 1, 2) == 1);
  CHECK(rescale(3, 1, 2) == 2);
  CHECK(rescale(-1, 1, 2) == 0);
  CHECK(rescale(-3, 1, 2) == -1);
  CHECK(rescale(-5, 1, 2) == -2);
  CHECK(rescale(45, 1'000, 90'000) == 1);   // 0.5
  CHECK(rescale(-45, 1'000, 90'000) == 0);  // -0.5
}

TEST_CASE("negative times are rounded to the nearest tick too") {
  CHECK(rescale(-90'000, 44'100, 90'000) == -44'100);
  CHECK(rescale(-1024, 90'000, 44'100) == -2090);
  CHECK(rescale(-1, 44'100, 90'000) == 0);
  CHECK(rescale(-2, 44'100, 90'000) == -1);
  CHECK(rescale(-1, 1, 3) == 0);
  CHECK(rescale(-2, 1, 3) == -1);
}

TEST_CASE("a shift by whole seconds shifts the result by whole seconds") {
  for (std::int64_t value = -200; value <= 200; ++value) {
    const auto here = rescale(value, 44'100, 90'000);
    for (const std::int64_t seconds : {-1'000'000'007LL, -1LL, 1LL, 1'000'000'007LL}) {
      REQUIRE(rescale(value + seconds * 90'000, 44'100, 90'000) == here + seconds * 44'100);
    }
  }
}

TEST_CASE("the largest values are exact") {
  CHECK(rescale(max, 90'000, 90'000) == max);
  CHECK(rescale(min, 90'000, 90'000) == min);
  CHECK(rescale(max, 45'000, 90'000) == max / 2 + 1);  // a half
  CHECK(rescale(min, 45'000, 90'000) == min / 2);
  CHECK(rescale(max, 1, scale_max) == 2'147'483'648);  // 2^31 + 2^-1 and a little less
  CHECK(rescale(min, 1, scale_max) == -2'147'483'649);
  CHECK(rescale(max / scale_max, scale_max, 1) == max / scale_max * scale_max);
  CHECK(rescale(min / scale_max, scale_max, 1) == min / scale_max * scale_max);
  CHECK(rescale(max, scale_max - 1, scale_max) == 9'223'372'034'707'292'159);
}

TEST_CASE("a coarse clock survives the way over a finer one") {
  for (const std::int64_t base : {0LL, -5'000'000'000'000LL, 5'000'000'000'000LL}) {
    for (std::int64_t step = -50'000; step <= 50'000; ++step) {
      const std::int64_t value = base + step;
      REQUIRE(rescale(rescale(value, 90'000, 44'100), 44'100, 90'000) == value);
    }
  }
}

TEST_CASE("a fine clock comes back from a coarser one within a tick and in order") {
  std::int64_t last = rescale(-50'001, 44'100, 90'000);
  for (std::int64_t value = -50'000; value <= 50'000; ++value) {
    const std::int64_t coarse = rescale(value, 44'100, 90'000);
    REQUIRE(coarse >= last);
    last = coarse;
    const std::int64_t back = rescale(coarse, 90'000, 44'100);
    REQUIRE(back - value <= 1);
    REQUIRE(value - back <= 1);
  }
}

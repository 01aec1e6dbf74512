#include "client/player/frame_numbers.hpp"

#include <doctest/doctest.h>

#include <initializer_list>

#include "client/media/frame_number.hpp"

namespace client {
namespace {

FrameNumbers::Counts count(std::initializer_list<std::uint32_t> numbers) {
  FrameNumbers counted;
  for (const std::uint32_t number : numbers) counted.add(number);
  REQUIRE(counted.counts());
  return *counted.counts();
}

void check(const FrameNumbers::Counts& counts, std::uint64_t missing, std::uint64_t repeated,
           std::uint64_t out_of_order) {
  CHECK(counts.missing == missing);
  CHECK(counts.repeated == repeated);
  CHECK(counts.out_of_order == out_of_order);
}

}  // namespace

TEST_CASE("without a number there are no counts") { CHECK(!FrameNumbers().counts()); }

TEST_CASE("numbers in order miss nothing wherever they begin") {
  const auto counts = count({7, 8, 9, 10});
  CHECK(counts.first == 7);
  CHECK(counts.last == 10);
  check(counts, 0, 0, 0);
}

TEST_CASE("what is left out is missing") {
  check(count({1, 2, 5, 6, 10}), 5, 0, 0);
  check(count({0, 1000}), 999, 0, 0);
}

TEST_CASE("what comes twice is repeated") {
  check(count({1, 2, 2, 3, 1, 3}), 0, 3, 0);
  check(count({1, 2, 4, 2}), 1, 1, 0);
}

TEST_CASE("what comes late is out of order and not missing and a second time repeated") {
  check(count({1, 2, 4, 3, 5}), 0, 0, 1);
  check(count({1, 2, 4, 3, 3}), 0, 1, 1);
  check(count({0, 64, 1, 63}), 61, 0, 2);
}

TEST_CASE("what is older than what is remembered is repeated") {
  check(count({0, 100, 1}), 99, 1, 0);
  check(count({5, 3}), 0, 1, 0);
}

TEST_CASE("numbers begin again behind the last") {
  const std::uint32_t last = frame_number::number_max;
  const auto counts = count({last - 1, last, 0, 1, 3});
  CHECK(counts.last == 3);
  check(counts, 1, 0, 0);
}

}  // namespace client

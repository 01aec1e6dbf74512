#include "relay/media/container/mpegts/dts_shift.hpp"

#include <doctest/doctest.h>

#include <vector>

using mpegts::DtsShift;

namespace {

// Shifts frames with these pts, in frames, decoded one each 100 ticks; the first is a sync frame.
std::vector<std::int64_t> shifted(const std::vector<std::int64_t>& pts, std::int64_t offset) {
  DtsShift shift;
  std::vector<std::int64_t> out;
  std::int64_t dts = 1000;
  for (const std::int64_t frame : pts) {
    const DtsShift::Stamps in{1000 + offset + frame * 100, dts};
    const auto stamps = shift.shift(in, dts == 1000);
    CHECK(stamps.pts == in.pts);
    CHECK(stamps.dts <= stamps.pts);
    if (!out.empty()) CHECK(stamps.dts > out.back());
    out.push_back(stamps.dts);
    dts += 100;
  }
  return out;
}

}  // namespace

TEST_CASE("a dts that is never after the pts stays") {
  CHECK(shifted({0, 1, 2, 3}, 0) == std::vector<std::int64_t>{1000, 1100, 1200, 1300});
  CHECK(shifted({0, 3, 1, 2, 6, 4, 5}, 100) ==
        std::vector<std::int64_t>{1000, 1100, 1200, 1300, 1400, 1500, 1600});
}

TEST_CASE("a dts after the pts moves down before its frames need it") {
  // Two B-frames between others.
  CHECK(shifted({0, 3, 1, 2, 6, 4, 5, 9, 7, 8}, 0) ==
        std::vector<std::int64_t>{1000, 1001, 1002, 1100, 1200, 1300, 1400, 1500, 1600, 1700});
  // A pyramid whose frames come in the worst order.
  shifted({0, 4, 2, 1, 3, 8, 6, 5, 7, 12, 10, 9, 11}, 0);
  shifted({0, 4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9}, 0);
}

TEST_CASE("a stream that begins before its pts learns the distance from the first that needs it") {
  DtsShift shift;
  shift.shift({1100, 1000}, true);
  shift.shift({1400, 1100}, false);
  CHECK(shift.shift({1150, 1200}, false).dts == 1150);
  CHECK(shift.shift({1300, 1300}, false).dts == 1250);
}

TEST_CASE("a dts that stands still moves on by a tick unless the pts forbids that") {
  DtsShift shift;
  CHECK(shift.shift({2000, 1000}, true).dts == 1000);
  CHECK(shift.shift({2000, 1000}, false).dts == 1001);
  CHECK(shift.shift({900, 1002}, false).dts == 900);
  CHECK(shift.shift({3000, 1200}, false).dts == 1098);
}

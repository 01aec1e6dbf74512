#include "client/camera/frame_times.hpp"

#include <doctest/doctest.h>

namespace client::camera {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

FrameTimes::Given at(base::Duration dts, base::Duration pts) { return {dts, pts, {}}; }

}  // namespace

TEST_CASE("times begin at ten seconds and are exact at any frame rate") {
  FrameTimes times(90'000);
  for (std::int64_t frame = 0; frame < 1'000; ++frame) {
    const nanoseconds time(frame * 1'001'000'000 / 30);  // 29.97 frames a second
    const auto next = times.next({time, time, nanoseconds(33'366'666)});
    CHECK(next.dts == 900'000 + frame * 3003);
    CHECK(next.pts == next.dts);
    CHECK(next.duration == 3003);
  }
  FrameTimes audio(44'100);
  for (std::int64_t frame = 0; frame < 1'000; ++frame) {
    const nanoseconds time(frame * 1'024'000'000'000 / 44'100);
    CHECK(audio.next({time, time, {}}).dts == 441'000 + frame * 1024);
  }
}

TEST_CASE("a picture may be shown after it is decoded and be decoded before time 0") {
  FrameTimes times(90'000);
  const auto next = times.next(at(milliseconds(-40), milliseconds(0)));
  CHECK(next.dts == 900'000 - 3600);
  CHECK(next.pts == 900'000);
}

TEST_CASE("the decoding time never stands still") {
  FrameTimes times(1000);
  CHECK(times.next(at(milliseconds(100), milliseconds(100))).dts == 10'100);
  CHECK(times.next(at(milliseconds(100), milliseconds(100))).dts == 10'101);
  CHECK(times.next(at(milliseconds(50), milliseconds(90))).dts == 10'102);
  CHECK(times.next(at(milliseconds(200), milliseconds(200))).dts == 10'200);
}

TEST_CASE("decoding times that a container does not say are made of the presentation times") {
  FrameTimes times(1000, FrameTimes::usual_reorder);
  const int shown[] = {0, 120, 40, 80, 240, 160, 200, 280, 320};
  std::int64_t expected = 10'000 - 80;
  for (const int pts : shown) {
    const auto next = times.next({{}, milliseconds(pts), milliseconds(40)});
    CHECK(next.dts == expected);
    CHECK(next.pts == 10'000 + pts);
    CHECK(next.dts <= next.pts);
    expected += 40;
  }
}

TEST_CASE("what is not given follows from what is known") {
  FrameTimes times(1000);
  CHECK(times.next({{}, milliseconds(100), {}}).dts == 10'100);
  CHECK(times.next({{}, milliseconds(140), {}}).dts == 10'140);
  const auto next = times.next({});
  CHECK(next.dts == 10'180);
  CHECK(next.pts == 10'180);
  CHECK(next.duration == 0);
}

TEST_CASE("a camera that reorders after all is noticed by the first picture out of order") {
  FrameTimes times(1000, 0, true);
  CHECK(times.next({{}, milliseconds(0), {}}).dts == 10'000);
  CHECK(times.next({{}, milliseconds(120), {}}).dts == 10'120);
  std::int64_t last = 10'120;
  const int shown[] = {40, 80, 240, 160, 200, 360, 280, 320, 480, 400, 440};
  for (const int pts : shown) {
    const auto next = times.next({{}, milliseconds(pts), milliseconds(40)});
    CHECK(next.pts == 10'000 + pts);
    CHECK(next.dts > last);
    last = next.dts;
    if (pts > 300) CHECK(next.dts <= next.pts);
  }
}

TEST_CASE("pictures from before an interruption have no part in what comes after") {
  FrameTimes times(1000, FrameTimes::usual_reorder);
  for (const int pts : {0, 120, 40, 80}) times.next({{}, milliseconds(pts), milliseconds(40)});
  times.interrupt();
  std::int64_t expected = 15'000 - 80;
  for (const int pts : {5000, 5120, 5040, 5080}) {
    CHECK(times.next({{}, milliseconds(pts), milliseconds(40)}).dts == expected);
    expected += 40;
  }
}

}  // namespace client::camera

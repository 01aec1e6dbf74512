#include "client/camera/loop_clock.hpp"

#include <doctest/doctest.h>

#include "client/camera/frame_times.hpp"

namespace client::camera {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

nanoseconds video_time(std::int64_t frame) { return nanoseconds(frame * 1'001'000'000 / 30); }
nanoseconds audio_time(std::int64_t frame) {
  return nanoseconds(frame * 1'024'000'000'000 / 44'100);
}

}  // namespace

TEST_CASE("the first frame of a pass stands where the last one ended") {
  LoopClock clock;
  clock.on_frame(milliseconds(100), milliseconds(140));
  clock.on_frame(milliseconds(60), milliseconds(1'100));
  CHECK(clock.offset() == seconds(0));
  clock.next_pass();
  CHECK(clock.offset() == milliseconds(1'040));
  clock.on_frame(milliseconds(60), milliseconds(560));
  clock.next_pass();
  CHECK(clock.offset() == milliseconds(1'540));
}

TEST_CASE("a pass without frames takes no time") {
  LoopClock clock;
  clock.next_pass();
  CHECK(clock.offset() == seconds(0));
}

TEST_CASE("video goes on with the same interval over ten thousand passes") {
  LoopClock clock;
  FrameTimes times(90'000);
  std::int64_t expected = 900'000;
  for (int pass = 0; pass < 10'000; ++pass) {
    for (std::int64_t frame = 0; frame < 7; ++frame) {
      clock.on_frame(video_time(frame), video_time(frame) + nanoseconds(33'366'666));
      const nanoseconds time = video_time(frame) + clock.offset();
      REQUIRE(times.next({time, time, {}}).dts == expected);
      expected += 3003;
    }
    clock.next_pass();
  }
}

TEST_CASE("audio neither overlaps nor drifts where its ticks are no multiples of the pass") {
  LoopClock clock;
  FrameTimes times(44'100);
  std::int64_t end = 0;
  std::int64_t last = 0;
  for (int pass = 0; pass < 1'000; ++pass) {
    for (std::int64_t frame = 0; frame < 11; ++frame) {
      clock.on_frame(audio_time(frame), audio_time(frame + 1));
      const nanoseconds time = audio_time(frame) + clock.offset();
      last = times.next({time, time, {}}).dts;
      REQUIRE(last >= end - 1);  // a tick: the pass is a whole number of 90 kHz
      end = last + 1024;
    }
    clock.next_pass();
  }
  // Half a tick of 90 kHz a pass is what the rounding may take.
  const std::int64_t exact = 441'000 + (1'000LL * 11 - 1) * 1024;
  CHECK(std::abs(last - exact) <= 250);
}

}  // namespace client::camera

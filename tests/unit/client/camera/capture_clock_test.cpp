#include "client/camera/capture_clock.hpp"

#include <doctest/doctest.h>

namespace client::camera {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("a frame's UTC is now less the time since it was captured") {
  CaptureClock clock;
  const base::Utc now(seconds(1'000'000));
  CHECK(clock.at(seconds(50) - milliseconds(40), seconds(50), now) == now - milliseconds(40));
}

TEST_CASE("two clocks that are read a little apart do not make the UTC jitter") {
  CaptureClock clock;
  const base::Utc now(seconds(1'000'000));
  clock.at(seconds(50), seconds(50), now);
  const base::Utc next = now + milliseconds(33);
  CHECK(clock.at(seconds(50) + milliseconds(33), seconds(50) + milliseconds(33),
                 next + microseconds(300)) == next);
}

TEST_CASE("a UTC clock that was set anew counts from then on") {
  CaptureClock clock;
  const base::Utc now(seconds(1'000'000));
  clock.at(seconds(50), seconds(50), now);
  CHECK(clock.at(seconds(51), seconds(51), now + hours(5)) == now + hours(5));
  CHECK(clock.at(seconds(52), seconds(52), now + hours(5) + seconds(1)) ==
        now + hours(5) + seconds(1));
}

}  // namespace client::camera

#include "client/camera/pass_clock.hpp"

#include <doctest/doctest.h>

namespace client::camera {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const base::Time start{std::chrono::hours(1)};

}  // namespace

TEST_CASE("media time begins at 0 whatever the source says") {
  PassClock clock;
  CHECK(clock.offset_for(seconds(4000), start) == -seconds(4000));
  CHECK(clock.offset_for(seconds(4001), start + milliseconds(900)) == -seconds(4000));
  CHECK(clock.offset_for(seconds(3999), start + milliseconds(900)) == -seconds(4000));
}

TEST_CASE("a source that is opened anew goes on by the time that passed") {
  PassClock clock;
  clock.offset_for(milliseconds(100), start);
  clock.offset_for(milliseconds(1100), start + seconds(1));
  clock.next_pass();
  CHECK(clock.offset_for(milliseconds(7), start + seconds(9)) == seconds(9) - milliseconds(7));
  CHECK(clock.offset_for(milliseconds(47), start + seconds(9)) == seconds(9) - milliseconds(7));
}

TEST_CASE("what was ahead of the clock is not overtaken") {
  PassClock clock;
  clock.offset_for({}, start);
  clock.offset_for(seconds(5), start + seconds(1));
  clock.next_pass();
  CHECK(clock.offset_for({}, start + seconds(2)) == seconds(5) + PassClock::seam_min);
}

TEST_CASE("times that jump are a new beginning") {
  PassClock clock;
  clock.offset_for(seconds(100), start);
  clock.offset_for(seconds(101), start + seconds(1));
  CHECK(clock.offset_for(seconds(3), start + seconds(2)) == seconds(2) - seconds(3));
  CHECK(clock.offset_for(seconds(4), start + seconds(3)) == seconds(2) - seconds(3));
  CHECK(clock.offset_for(seconds(900), start + seconds(4)) == seconds(4) - seconds(900));
  // A pause of the source is none.
  CHECK(clock.offset_for(seconds(960), start + seconds(64)) == seconds(4) - seconds(900));
}

}  // namespace client::camera

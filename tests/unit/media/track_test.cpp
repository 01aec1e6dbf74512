#include "relay/media/track.hpp"

#include <doctest/doctest.h>

TEST_CASE("codecs and kinds have the names of the API") {
  CHECK(name(media::Codec::h264) == "h264");
  CHECK(name(media::Codec::unknown) == "unknown");
  CHECK(name(media::Kind::audio) == "audio");
}

TEST_CASE("the frame rate is that of the recent past and ignores gaps") {
  media::FrameRate rate;
  CHECK(rate.per_1000_s() == 0);
  for (int frame = 0; frame < 30; ++frame) rate.on_interval(frame % 3 == 0 ? 3004 : 3003);
  CHECK(rate.per_1000_s() == 29967);
  rate.on_interval(-3000);
  rate.on_interval(90'000 * 60);
  CHECK(rate.per_1000_s() == 29967);
  for (int frame = 0; frame < 2000; ++frame) rate.on_interval(1800);
  CHECK(rate.per_1000_s() == 50'000);
}

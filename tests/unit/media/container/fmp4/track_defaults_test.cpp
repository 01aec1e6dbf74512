#include "relay/media/container/fmp4/track_defaults.hpp"

#include <doctest/doctest.h>

#include "tests/unit/media/container/fmp4/tracks.hpp"

using fmp4::defaults_of;

TEST_CASE("audio tracks default to the duration of their codec's frames") {
  CHECK(defaults_of(test::aac_track()).duration == 1024);
  CHECK(defaults_of(test::opus_track()).duration == 960);
  media::Track mp3 = test::audio_track(media::Codec::mp3, {}, 44'100);
  CHECK(defaults_of(mp3).duration == 1152);
  CHECK(defaults_of(mp3).flags == fmp4::sync_flags);
  mp3.timescale = 90'000;
  CHECK(defaults_of(mp3).duration == 2351);
  CHECK(defaults_of(test::audio_track(media::Codec::mp3, {}, 24'000)).duration == 576);
  // AAC-LC with frames of 960 samples.
  CHECK(defaults_of(test::audio_track(media::Codec::aac, test::bytes_of({0x11, 0x94}), 48'000))
            .duration == 960);
}

TEST_CASE("video tracks default to the frame rate that their timescale suggests") {
  media::Track track = test::h264_track();
  CHECK(defaults_of(track).flags == fmp4::non_sync_flags);
  CHECK(defaults_of(track).duration == 3000);
  for (const auto& [timescale, duration] : {std::pair{30'000U, 1001U},
                                            {24'000U, 1001U},
                                            {12'800U, 512U},
                                            {15'360U, 512U},
                                            {2'500U, 100U}}) {
    track.timescale = timescale;
    CHECK(defaults_of(track).duration == duration);
  }
}

TEST_CASE("the sample rate of AAC is read from its configuration where the track has none") {
  media::Track track = test::aac_track();
  track.sample_rate = 0;
  CHECK(fmp4::sample_rate_of(track) == 48'000);
}

#include "relay/stream/wire_times.hpp"

#include <doctest/doctest.h>

#include <limits>

namespace stream {
namespace {

wire::Tracks tracks_of(std::initializer_list<std::uint32_t> timescales) {
  wire::Tracks tracks{1, {}};
  for (const std::uint32_t timescale : timescales)
    tracks.tracks.emplace_back().timescale = timescale;
  return tracks;
}

media::Sample sample_of(std::uint8_t track, std::int64_t dts, std::int64_t pts) {
  return {track, true, dts, pts, 0, {}};
}

}  // namespace

TEST_CASE("times move by the offset in the timescale of their track") {
  const wire::Tracks tracks = tracks_of({90'000, 48'000, 1'000});
  std::vector<media::Sample> samples{sample_of(0, 0, 5), sample_of(1, 100, 90),
                                     sample_of(2, -7, 0)};
  to_log_times(samples, tracks, 900'000);
  CHECK(samples[0].dts == 900'000);
  CHECK(samples[0].pts == 900'005);
  CHECK(samples[1].dts == 480'100);
  CHECK(samples[1].pts == 480'090);
  CHECK(samples[2].dts == 9'993);
  CHECK(samples[2].pts == 10'000);
}

TEST_CASE("times come back exactly whatever they and the offset are") {
  const wire::Tracks tracks = tracks_of({90'000, 44'100, 1, 4'294'967'295});
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  for (const MediaTime offset : {MediaTime{0}, MediaTime{1}, MediaTime{-1}, MediaTime{7'777'777},
                                 MediaTime{-390'000'000'000'000}}) {
    for (const std::int64_t time : {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1},
                                    std::int64_t{123'456'789}, least, most}) {
      for (std::uint8_t track = 0; track < 4; ++track) {
        std::vector<media::Sample> samples{sample_of(track, time, time), sample_of(track, 5, -5)};
        to_log_times(samples, tracks, offset);
        to_wire_times(samples, tracks, offset);
        CHECK(samples[0].dts == time);
        CHECK(samples[0].pts == time);
        CHECK(samples[1].dts == 5);
        CHECK(samples[1].pts == -5);
      }
    }
  }
}

}  // namespace stream

#include "relay/protocol/wire/rules.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "tests/unit/protocol/wire/messages.hpp"

namespace wire {

TEST_CASE("a chunk fits the tracks that were announced") {
  test::Memory memory;
  const Chunk chunk = test::make_chunk(memory, {1, 2}, true, 3);
  CHECK(check_chunk(chunk, test::make_tracks(3)).has_value());
  CHECK(check_chunk(chunk, test::make_tracks(4)).error() ==
        make_error_code(Errc::bad_tracks_version));
  CHECK(check_chunk(chunk, {}).error() == make_error_code(Errc::bad_tracks_version));
  Chunk none = chunk;
  none.tracks_version = 0;
  CHECK(check_chunk(none, {}).error() == make_error_code(Errc::bad_tracks_version));
  Tracks one = test::make_tracks(3);
  one.tracks.pop_back();
  CHECK(check_chunk(chunk, one).error() == make_error_code(Errc::bad_sample));
}

TEST_CASE("times of samples are within so many seconds of zero") {
  test::Memory memory;
  const Tracks tracks = test::make_tracks();
  const std::int64_t end = seconds_max * 90'000;
  for (const auto& [dts, pts, fits] :
       {std::tuple{end - 1, end - 1, true},
        {-end + 1, -end + 1, true},
        {end, end - 1, false},
        {end - 1, end, false},
        {-end, std::int64_t{}, false},
        {std::int64_t{}, std::numeric_limits<std::int64_t>::min(), false},
        {std::numeric_limits<std::int64_t>::max(), std::int64_t{}, false}}) {
    Chunk chunk = test::make_chunk(memory, {1, 2});
    chunk.samples[0].dts = dts;
    chunk.samples[0].pts = pts;
    CHECK(check_chunk(chunk, tracks).has_value() == fits);
  }
}

TEST_CASE("a peer may send a burst of messages and then so many a second") {
  base::Time now{};
  Allowance allowance;
  std::uint32_t taken = 0;
  while (allowance.take(now)) ++taken;
  CHECK(taken == Allowance::burst);

  Allowance steady;
  for (int message = 0; message < 10'000; ++message) {
    now += base::Duration(std::chrono::seconds(1)) / Allowance::per_second;
    CHECK(steady.take(now));
  }
}

}  // namespace wire

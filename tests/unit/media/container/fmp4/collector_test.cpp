#include "relay/media/container/fmp4/collector.hpp"

#include <doctest/doctest.h>

#include "relay/media/container/fmp4/errc.hpp"
#include "tests/unit/media/container/fmp4/arena_rig.hpp"

using fmp4::Collector;
using fmp4::Errc;
using fmp4::FragmentSample;
using test::ArenaRig;
using test::Bytes;

namespace {

FragmentSample sample(std::uint8_t track, std::uint64_t begin, std::uint32_t size,
                      std::int64_t dts) {
  FragmentSample out;
  out.track = track;
  out.begin = begin;
  out.size = size;
  out.dts = dts;
  return out;
}

std::vector<media::Track> tracks(std::initializer_list<std::uint32_t> timescales) {
  std::vector<media::Track> out;
  for (const std::uint32_t timescale : timescales) out.emplace_back().timescale = timescale;
  return out;
}

/// The (track, dts) of what comes out.
using Given = std::vector<std::pair<int, std::int64_t>>;

struct Rig : ArenaRig {
  base::Result<void> begin(std::vector<FragmentSample> samples,
                           std::initializer_list<std::uint32_t> timescales) {
    return collector.begin(std::move(samples), tracks(timescales));
  }
  base::Result<void> take(std::uint64_t position, std::size_t size, std::size_t step = 1 << 20) {
    const Bytes bytes = test::noise(size, 1);
    for (const auto& window : receive_all(bytes, step)) {
      if (auto taken = collector.take(position, window); !taken) return taken;
      position += window.size();
    }
    return {};
  }
  Given given() {
    Given out;
    while (const auto next = collector.next()) {
      CHECK(next->payload.bytes() == next->sample.size);
      out.emplace_back(next->sample.track, next->sample.dts);
    }
    return out;
  }
  Collector collector;
};

}  // namespace

TEST_CASE("interleaved samples come out with their last byte") {
  Rig rig;
  REQUIRE(rig.begin(
      {sample(0, 100, 10, 0), sample(0, 114, 10, 40), sample(1, 110, 4, 0), sample(1, 124, 4, 20)},
      {1000, 1000}));
  REQUIRE(rig.take(100, 9));
  CHECK(rig.given().empty());
  REQUIRE(rig.take(109, 1));
  CHECK(rig.given() == Given{{0, 0}});
  REQUIRE(rig.take(110, 4));
  CHECK(rig.given() == Given{{1, 0}});
  REQUIRE(rig.take(114, 10));
  CHECK(rig.given().empty());  // audio of 20 ms comes first
  REQUIRE(rig.take(124, 3));
  CHECK(rig.given().empty());
  CHECK_FALSE(rig.collector.is_complete());
  REQUIRE(rig.take(127, 1));
  CHECK(rig.given() == Given{{1, 20}, {0, 40}});
  CHECK(rig.collector.is_complete());
}

TEST_CASE("video that is stored before all audio waits for the audio of its time") {
  Rig rig;
  REQUIRE(rig.begin({sample(0, 0, 5, 0), sample(0, 5, 5, 40), sample(1, 10, 1, 0),
                     sample(1, 11, 1, 20), sample(1, 12, 1, 40), sample(1, 13, 1, 60)},
                    {1000, 1000}));
  REQUIRE(rig.take(0, 10));
  CHECK(rig.given() == Given{{0, 0}});
  REQUIRE(rig.take(10, 2));
  CHECK(rig.given() == Given{{1, 0}, {1, 20}, {0, 40}});
  REQUIRE(rig.take(12, 2));
  CHECK(rig.given() == Given{{1, 40}, {1, 60}});
}

TEST_CASE("times of different clocks are compared exactly") {
  // 1/3 s and 333333333/1000000000 s differ by less than a nanosecond.
  Rig rig;
  const std::int64_t far = std::int64_t{1} << 31;
  REQUIRE(
      rig.begin({sample(0, 0, 1, 3 * far + 1), sample(1, 1, 1, far * 1'000'000'000 + 333'333'333)},
                {3, 1'000'000'000}));
  REQUIRE(rig.take(0, 2));
  CHECK(rig.given() == Given{{1, far * 1'000'000'000 + 333'333'333}, {0, 3 * far + 1}});
}

TEST_CASE("samples of a track stay in order even if their times go back") {
  Rig rig;
  REQUIRE(rig.begin({sample(0, 0, 1, 50), sample(0, 1, 1, 10), sample(0, 2, 1, 10),
                     sample(1, 3, 1, 20), sample(1, 4, 1, 60)},
                    {1000, 1000}));
  REQUIRE(rig.take(0, 5));
  CHECK(rig.given() == Given{{1, 20}, {0, 50}, {0, 10}, {0, 10}, {1, 60}});
}

TEST_CASE("samples need not lie in order and gaps are dropped") {
  for (const std::size_t step : {1U, 3U, 1000U}) {
    Rig rig;
    REQUIRE(rig.begin({sample(0, 50, 5, 0), sample(0, 20, 5, 1), sample(0, 30, 5, 2)}, {1000}));
    REQUIRE(rig.take(10, 45, step));
    CHECK(rig.given() == Given{{0, 0}, {0, 1}, {0, 2}});
  }
}

TEST_CASE("a sample holds exactly its bytes") {
  Rig rig;
  REQUIRE(rig.begin({sample(0, 3, 6, 0)}, {1000}));
  const Bytes bytes = test::noise(12, 7);
  std::uint64_t position = 0;
  for (const auto& window : rig.receive_all(bytes, 5)) {
    REQUIRE(rig.collector.take(position, window));
    position += window.size();
  }
  const auto out = rig.collector.next();
  REQUIRE(out);
  CHECK(test::gather(out->payload) == Bytes(bytes.begin() + 3, bytes.begin() + 9));
}

TEST_CASE("overlapping samples are refused") {
  Rig rig;
  CHECK(rig.begin({sample(0, 10, 5, 0), sample(1, 14, 5, 0)}, {1, 1}).error() ==
        Errc::overlapping_samples);
  Rig same;
  CHECK(same.begin({sample(0, 10, 5, 0), sample(0, 10, 5, 1)}, {1}).error() ==
        Errc::overlapping_samples);
}

TEST_CASE("samples outside the media data are refused") {
  Rig rig;
  REQUIRE(rig.begin({sample(0, 10, 5, 0), sample(0, 30, 5, 1)}, {1000}));
  CHECK(rig.collector.begin_mdat(11, 100).error() == Errc::sample_outside_mdat);
  CHECK(rig.collector.begin_mdat(10, 14).error() == Errc::sample_outside_mdat);
  CHECK(rig.collector.begin_mdat(5, 34).error() == Errc::sample_outside_mdat);
  CHECK(rig.collector.begin_mdat(11, std::nullopt).error() == Errc::sample_outside_mdat);
  CHECK(rig.collector.begin_mdat(5, std::nullopt));
  CHECK(rig.collector.begin_mdat(5, 35));
  CHECK(rig.collector.begin_mdat(5, 10));
  // The first in one box of media data, the second in another.
  REQUIRE(rig.collector.begin_mdat(10, 20));
  REQUIRE(rig.take(10, 10));
  CHECK(rig.collector.begin_mdat(31, 40).error() == Errc::sample_outside_mdat);
  REQUIRE(rig.collector.begin_mdat(28, 40));
  REQUIRE(rig.take(28, 12));
  CHECK(rig.collector.is_complete());
}

TEST_CASE("at the end what is whole comes out") {
  Rig rig;
  REQUIRE(
      rig.begin({sample(0, 0, 5, 0), sample(1, 5, 5, 1), sample(0, 10, 5, 2), sample(1, 15, 5, 1)},
                {1000, 1000}));
  REQUIRE(rig.take(0, 17));
  CHECK(rig.given() == Given{{0, 0}, {1, 1}});
  CHECK(rig.collector.finish() == 1);
  CHECK(rig.given() == Given{{0, 2}});
}

TEST_CASE("a fragment in too many small pieces is refused") {
  Rig rig;
  const auto size = static_cast<std::uint32_t>(Collector::windows_max + 1);
  REQUIRE(rig.begin({sample(0, 0, size, 0)}, {1000}));
  const Bytes bytes(2);
  const auto list = rig.receive_all(bytes);
  base::Error error;
  std::uint64_t position = 0;
  for (; !error && position < size; ++position) {
    // The same byte again never goes on where the last window ended.
    const auto taken = rig.collector.take(position, list[0].subwindow(0, 1));
    if (!taken) error = taken.error();
  }
  CHECK(error == Errc::too_scattered);
  CHECK(position == Collector::windows_max + 1);
}

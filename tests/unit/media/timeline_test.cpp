#include "relay/media/timeline.hpp"

#include <doctest/doctest.h>

using media::Timeline;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {
const base::Utc start{seconds{1'800'000'000}};
constexpr std::int64_t second = Timeline::ticks_per_second;
}  // namespace

TEST_CASE("the first dts maps to ten seconds and to the start") {
  Timeline timeline(start);
  const auto position = timeline.on_frame(123'456'789, start);
  CHECK(position.time == 900'000);
  CHECK(position.utc == start);
  CHECK(!position.jumped);
}

TEST_CASE("a publisher that is believed says when the first frame was") {
  Timeline timeline(start);
  timeline.begin_at(start - seconds{8});
  // What it has kept arrives at once, and none of it is ahead of its time.
  for (std::int64_t frame = 0; frame < 200; ++frame) {
    const auto captured = start - seconds{8} + milliseconds{40 * frame};
    CHECK(timeline.on_frame(frame * 3600, captured).utc == captured);
  }
  timeline.begin_at(start + seconds{100});
  CHECK(timeline.on_frame(200 * 3600, start).utc == start);
  timeline.on_new_publisher();
  timeline.begin_at(start + seconds{100});
  CHECK(timeline.on_frame(0, start).utc < start + seconds{1});
}

TEST_CASE("a log goes on in the media time of an earlier one") {
  const Timeline::Past past{start - seconds{10}, 110 * second};
  SUBCASE("by the UTC that has passed") {
    Timeline timeline(start, past);
    const auto position = timeline.on_frame(123, start);
    CHECK(position.time == 120 * second);
    CHECK(position.utc == start);
    CHECK(!position.jumped);
  }
  SUBCASE("which the publisher may know better") {
    Timeline timeline(start, past);
    timeline.begin_at(start - seconds{8});
    CHECK(timeline.on_frame(123, start - seconds{8}).time == 112 * second);
  }
  SUBCASE("but never before its end: a publisher runs ahead and a clock is set back") {
    Timeline timeline(start - seconds{90}, past);
    const auto position = timeline.on_frame(123, start - seconds{90});
    CHECK(position.time == 110 * second + Timeline::seam_min);
    CHECK(position.utc == start - seconds{90});
  }
  SUBCASE("where its own publisher comes again with what it had sent") {
    Timeline timeline(start, past);
    timeline.resume_at(start - seconds{40}, 81 * second + 5);
    const auto position = timeline.on_frame(123, start - seconds{40});
    CHECK(position.time == 81 * second + 5);
    CHECK(position.utc == start - seconds{40});
  }
  SUBCASE("or with what follows") {
    Timeline timeline(start, past);
    timeline.resume_at(start - seconds{40}, std::nullopt);
    CHECK(timeline.on_frame(123, start - seconds{40}).time == 110 * second);
  }
  SUBCASE("and never before its own ten seconds") {
    Timeline timeline(start - seconds{1'000}, Timeline::Past{start, -second});
    CHECK(timeline.on_frame(123, start).time == Timeline::begin);
  }
}

TEST_CASE("media time follows dts and UTC follows media time exactly") {
  Timeline timeline(start);
  for (std::int64_t frame = 0; frame < 300'000; ++frame) {
    const auto arrival = start + milliseconds{frame * 1001 / 30};
    const auto position = timeline.on_frame(7 + frame * 3003, arrival);
    REQUIRE(position.time == 900'000 + frame * 3003);
    REQUIRE(position.utc == start + std::chrono::microseconds{frame * 3003 * 100 / 9});
  }
}

TEST_CASE("a frame without dts follows by the last interval") {
  Timeline timeline(start);
  CHECK(timeline.on_frame(std::nullopt, start).time == 900'000);
  CHECK(timeline.on_frame(5000, start).time == 900'000);
  CHECK(timeline.on_frame(8000, start).time == 903'000);
  CHECK(timeline.on_frame(std::nullopt, start).time == 906'000);
  CHECK(timeline.on_frame(14'000, start).time == 909'000);
}

TEST_CASE("a jump in either direction goes on by the time that passed") {
  Timeline timeline(start);
  timeline.on_frame(50 * second, start);
  const auto forward = timeline.on_frame(90 * second, start + seconds{2});
  CHECK(forward.jumped);
  CHECK(forward.time == 12 * second);
  CHECK(timeline.on_frame(91 * second, start + seconds{3}).time == 13 * second);
  const auto backward = timeline.on_frame(0, start + seconds{3});
  CHECK(backward.jumped);
  CHECK(backward.time == 13 * second + 1);
  // The machine's clock may be set back: media time still goes on.
  const auto again = timeline.on_frame(50 * second, start);
  CHECK(again.jumped);
  CHECK(again.time == 13 * second + 2);
}

TEST_CASE("a small step back stands still") {
  Timeline timeline(start);
  timeline.on_frame(10 * second, start);
  CHECK(timeline.on_frame(11 * second, start + seconds{1}).time == 11 * second);
  const auto back = timeline.on_frame(10 * second + 5, start + seconds{1});
  CHECK(back.time == 11 * second);
  CHECK(!back.jumped);
  CHECK(timeline.on_frame(12 * second, start + seconds{2}).time == 12 * second);
}

TEST_CASE("media that falls behind moves UTC forward and media that runs ahead does not") {
  Timeline timeline(start);
  timeline.on_frame(0, start);
  CHECK(timeline.on_frame(20 * second, start).jumped);  // 20 s in one step is a jump
  Timeline ahead(start);
  for (int at = 0; at <= 20; ++at) {
    CHECK(ahead.on_frame(at * second, start).utc == start + seconds{at});
  }
  Timeline behind(start);
  behind.on_frame(0, start);
  CHECK(behind.on_frame(second, start + milliseconds{1500}).utc == start + seconds{1});
  const auto late = behind.on_frame(2 * second, start + milliseconds{2501});
  CHECK(late.utc == start + milliseconds{2501});
  CHECK(late.time == 12 * second);
  CHECK(behind.on_frame(3 * second, start + milliseconds{3000}).utc == start + milliseconds{3501});
}

TEST_CASE("another publisher continues after the last end plus what passed") {
  Timeline timeline(start);
  timeline.on_new_publisher();  // nothing to continue yet
  CHECK(!timeline.on_frame(0, start).jumped);
  timeline.on_frame(3600, start + milliseconds{40});
  timeline.on_new_publisher();
  const auto first = timeline.on_frame(777, start + milliseconds{2080});
  CHECK(first.jumped);
  CHECK(first.time == 900'000 + 7200 + 2 * second);
  CHECK(first.utc == start + milliseconds{2080});
  CHECK(timeline.on_frame(777 + 3600, start + milliseconds{2120}).time == first.time + 3600);
}

TEST_CASE("another publisher stands close behind one that ran ahead") {
  Timeline timeline(start);
  for (int at = 0; at <= 15; ++at) timeline.on_frame(at * second, start);
  timeline.on_new_publisher();
  const auto first = timeline.on_frame(std::nullopt, start + seconds{2});
  CHECK(first.time == 26 * second + Timeline::seam_min);
  CHECK(first.utc == start + seconds{16} + milliseconds{50});
}

TEST_CASE("time and UTC never go back whatever comes") {
  Timeline timeline(start);
  std::uint64_t random = 1;
  std::int64_t time = 0;
  base::Utc utc{};
  for (int frame = 0; frame < 20'000; ++frame) {
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    std::optional<std::int64_t> dts;
    if (random >> 61 != 0) dts = static_cast<std::int64_t>(random >> 31) - (std::int64_t{1} << 32);
    if (random >> 58 == 9) timeline.on_new_publisher();
    const auto position = timeline.on_frame(dts, start + milliseconds{random >> 44});
    REQUIRE(position.time >= time);
    REQUIRE(position.utc >= utc);
    time = position.time;
    utc = position.utc;
  }
}

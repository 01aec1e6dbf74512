#include "relay/disk/timeline.hpp"

#include <doctest/doctest.h>

#include "relay/disk/errc.hpp"
#include "tests/unit/disk/clip_rig.hpp"

namespace disk {
namespace {

using test::ClipRig;

struct TimelineRig : ClipRig {
  // In frames: "0-40 gap=40-60(backlog) 60-100".
  std::string told(int from, int to, std::size_t gaps_max = Timeline::gaps_max) {
    const auto timeline = read_timeline(store, "live/cam", at(from), at(to), gaps_max);
    REQUIRE(timeline.has_value());
    CHECK(timeline->stream == "live/cam");
    const auto frame_of = [](base::Utc utc) {
      return std::to_string((utc - start) / std::chrono::milliseconds(40));
    };
    std::map<base::Utc, std::string> parts;
    for (const auto& span : timeline->spans) {
      parts[span.from] =
          frame_of(span.from) + "-" + frame_of(span.to) + (span.is_open ? "..." : "");
    }
    for (const auto& gap : timeline->gaps) {
      parts[gap.from] =
          "gap=" + frame_of(gap.from) + "-" + frame_of(gap.to) + "(" + name_of(gap.reason) + ")";
    }
    std::string text;
    for (const auto& [utc, part] : parts) text += part + " ";
    if (timeline->next) text += "next=" + frame_of(*timeline->next) + " ";
    if (!text.empty()) text.pop_back();
    return text;
  }
};

}  // namespace

TEST_CASE("a timeline has what is recorded in one piece and the gaps between") {
  TimelineRig rig;
  rig.record(0, 20);
  rig.record(20, 40);
  rig.record(60, 80, GapReason::backlog);
  rig.record(80, 100);
  rig.record(150, 170, GapReason::restart);
  CHECK(rig.told(-1000, 1000) == "0-40 gap=40-60(backlog) 60-100 gap=100-150(restart) 150-170");
}

TEST_CASE("a timeline is of the time that was asked for") {
  TimelineRig rig;
  rig.record(0, 20);
  rig.record(20, 40);
  rig.record(60, 80, GapReason::memory);
  CHECK(rig.told(10, 70) == "10-40 gap=40-60(memory) 60-70");
  CHECK(rig.told(30, 50) == "30-40");
  CHECK(rig.told(45, 70) == "gap=40-60(memory) 60-70");
  CHECK(rig.told(45, 50) == "");
  CHECK(rig.told(80, 100) == "");
  CHECK(rig.told(-20, 0) == "");
}

TEST_CASE("what is being recorded is open as far as it can be read") {
  TimelineRig rig;
  rig.record(0, 20);
  rig.is_open = true;
  rig.record(20, 33);
  CHECK(rig.told(0, 1000) == "0-33...");
  CHECK(rig.told(0, 30) == "0-30");
}

TEST_CASE("of many gaps the first are told and where the rest begins") {
  TimelineRig rig;
  for (int n = 0; n < 5; ++n) {
    rig.record(n * 20, n * 20 + 10, n == 0 ? GapReason::none : GapReason::lost);
  }
  CHECK(rig.told(0, 1000, 2) == "0-10 gap=10-20(lost) 20-30 gap=30-40(lost) 40-50 next=60");
  CHECK(rig.told(60, 1000, 2) == "gap=50-60(lost) 60-70 gap=70-80(lost) 80-90");
}

TEST_CASE("segments that overlap are no gap and what is not kept is none either") {
  TimelineRig rig;
  rig.record(0, 25, GapReason::publisher);
  rig.record(20, 40);
  CHECK(rig.told(-100, 100) == "0-40");
}

TEST_CASE("a stream of which nothing is recorded has no timeline") {
  TimelineRig rig;
  CHECK(read_timeline(rig.store, "live/cam", ClipRig::at(0), ClipRig::at(10)).error() ==
        Errc::nothing_recorded);
}

}  // namespace disk

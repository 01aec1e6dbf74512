#include "relay/disk/past_table.hpp"

#include "tests/unit/disk/past_rig.hpp"

namespace disk {
namespace {

using namespace std::chrono_literals;
using test::noon;
using test::PastRig;
using wire::Position;

constexpr std::uint64_t E = 'E';
constexpr std::uint64_t F = 'F';

/// Three segments of 4 s.
void record_12_seconds(PastRig& rig) {
  rig.record({});
  rig.record({.first = 40, .start = noon + 4s});
  rig.record({.first = 80, .start = noon + 8s});
}

}  // namespace

TEST_CASE("what is recorded is read from a position to its end") {
  PastRig rig;
  record_12_seconds(rig);
  auto& viewer = rig.watch(Position{E, 13});
  rig.run_until([&] { return viewer.story.ends_with("end"); });
  CHECK(viewer.take() == "begin=E13 " + PastRig::chunks('E', 13, 120) + " end");
  const PastCounters counters = rig.table->counters();
  CHECK(counters.streams == 0);
  CHECK(counters.damaged == 0);
  CHECK(counters.errors == 0);
  CHECK(rig.store->past_bytes == 0);
}

TEST_CASE("a UTC is the sync chunk before it") {
  PastRig rig;
  record_12_seconds(rig);
  auto& viewer = rig.watch(noon + 5s + 50ms);
  CHECK(rig.told_until(viewer, "E119 end") ==
        "begin=E50 " + PastRig::chunks('E', 50, 120) + " end");
  CHECK(rig.answers[0].front().utc == noon + 5s);
  CHECK(rig.answers[0].front().gap == GapReason::none);
}

TEST_CASE("before everything and in a gap it begins with what comes next") {
  PastRig rig;
  rig.record({});
  rig.record({.epoch = F, .start = noon + 60s, .gap = GapReason::restart});
  auto& first = rig.watch(noon - 1h);
  auto& second = rig.watch(noon + 30s);
  auto& missing = rig.watch(Position{E, 45});
  rig.run_until([&] { return rig.answers.size() == 3; });
  CHECK(rig.answers[0][0].utc == noon);
  CHECK(rig.answers[0][0].gap == GapReason::not_kept);
  CHECK_FALSE(rig.answers[0][0].gap_begin);
  CHECK(rig.answers[1][0].utc == noon + 60s);
  CHECK(rig.answers[1][0].gap == GapReason::restart);
  CHECK(rig.answers[1][0].gap_begin == noon + 4s);
  CHECK(rig.told_until(second, "end").starts_with("begin=F0 F0 F1"));
  CHECK(rig.told_until(missing, "end").starts_with("begin=F0(restart E45) F0 F1"));
  CHECK(rig.told_until(first, "end") == "begin=E0 " + PastRig::chunks('E', 0, 40) +
                                            " gap=F0(publisher E40) " +
                                            PastRig::chunks('F', 0, 40) + " end");
}

TEST_CASE("behind everything there is nothing") {
  PastRig rig;
  rig.watch(noon);
  rig.run_until([&] { return rig.answers.size() == 1; });
  CHECK(rig.answers[0][0].kind == PastAnswer::Kind::nothing);
  record_12_seconds(rig);
  rig.watch(noon + 20s);
  rig.watch(Position{E, 120});
  rig.watch(Position{F, 3});
  rig.run_until([&] { return rig.answers.size() == 4; });
  for (PastAsker asker = 1; asker < 4; ++asker) {
    CHECK(rig.answers[asker][0].kind == PastAnswer::Kind::nothing);
  }
}

TEST_CASE("viewers of the same time read from disk once") {
  PastRig rig;
  record_12_seconds(rig);
  auto& first = rig.watch(noon + 2s);
  auto& same = rig.watch(noon + 2s);
  auto& near = rig.watch(noon + 2s + 10ms);
  rig.run_until([&] { return rig.answers.size() == 3; });
  auto& later = rig.watch(noon + 4s);
  const std::string whole = "begin=E20 " + PastRig::chunks('E', 20, 120) + " end";
  CHECK(rig.told_until(first, "end") == whole);
  CHECK(rig.told_until(same, "end") == whole);
  CHECK(rig.told_until(near, "end") == whole);
  CHECK(rig.told_until(later, "end") == "begin=E40 " + PastRig::chunks('E', 40, 120) + " end");
  std::uint64_t bytes = 0;
  for (std::uint64_t number = 20; number < 120; ++number) {
    const auto place = test::value(rig.store->find("live/cam", Position{E, number}));
    bytes += place->entry().bytes;
  }
  CHECK(rig.table->counters().bytes == bytes);
}

TEST_CASE("what is damaged is left out up to the next sync chunk") {
  PastRig rig;
  const Segment segment = rig.record({});
  rig.record({.first = 40, .start = noon + 4s});
  const auto table = test::value(rig.store->table(segment));
  rig.damage(segment, table->chunks[15].offset + table->chunks[15].bytes - 10, 5);
  auto& viewer = rig.watch(Position{E, 3});
  CHECK(rig.told_until(viewer, "end") == "begin=E3 " + PastRig::chunks('E', 3, 15) +
                                             " gap=E20(lost E15) " + PastRig::chunks('E', 20, 80) +
                                             " end");
  CHECK(rig.table->counters().damaged == 1);
  // Also where it is what was asked for.
  auto& at_it = rig.watch(Position{E, 15});
  CHECK(rig.told_until(at_it, "end").starts_with("begin=E20(lost E15) E20"));
}

TEST_CASE("a segment that is gone is passed over") {
  PastRig rig;
  record_12_seconds(rig);
  const auto gone = test::value(rig.store->find("live/cam", Position{E, 50}));
  std::filesystem::remove(rig.file_of(gone->table->segment));
  auto& viewer = rig.watch(Position{E, 35});
  CHECK(rig.told_until(viewer, "end") == "begin=E35 " + PastRig::chunks('E', 35, 40) +
                                             " gap=E80(tail E40) " + PastRig::chunks('E', 80, 120) +
                                             " end");
}

TEST_CASE("what is written while it is watched is read when it is there") {
  PastRig rig;
  rig.is_published = true;
  const SegmentTable open = rig.record_open({});
  rig.publish(open, 10);
  auto& viewer = rig.watch(Position{E, 0});
  CHECK(rig.told_until(viewer, "E9") == "begin=E0 " + PastRig::chunks('E', 0, 10));
  rig.run_for(100ms);
  rig.publish(open, 25);
  CHECK(rig.told_until(viewer, "E24") == PastRig::chunks('E', 10, 25));
  rig.publish(open, 40);
  CHECK(rig.told_until(viewer, "E39") == PastRig::chunks('E', 25, 40));
  // It is closed, and the next one begins.
  Segment closed = open.segment;
  closed.is_open = false;
  closed.chunks = 40;
  rig.write({});
  rig.store->catalog().update(closed);
  rig.store->retract(closed.id);
  rig.record_open({.first = 40, .chunks = 20, .start = noon + 4s});
  CHECK(rig.told_until(viewer, "E59") == PastRig::chunks('E', 40, 60));
  rig.run_for(1s);
  CHECK(viewer.take().empty());  // somebody publishes
  rig.store->retract(rig.store->newest("live/cam")->id);
}

TEST_CASE("from the past a viewer goes on live where the live log has what comes next") {
  PastRig rig;
  record_12_seconds(rig);
  rig.go_live(E, 95, 125);
  auto& viewer = rig.watch(Position{E, 60});
  const std::string told = rig.told_until(viewer, "E124");
  CHECK(told == "begin=E60 " + PastRig::chunks('E', 60, 95) + " elsewhere=E95 tracks=E95/" +
                    std::to_string(rig.live_version()) + " " + PastRig::chunks('E', 95, 125));
  CHECK(rig.table->counters().streams == 0);
  rig.go_live(E, 125, 127);
  CHECK(rig.told_until(viewer, "E126") == "E125 E126");
}

TEST_CASE("what is not recorded is watched live") {
  PastRig rig;
  rig.record({});
  rig.go_live(E, 50, 70);
  auto& viewer = rig.watch(Position{E, 0});
  CHECK(rig.told_until(viewer, "E39") == "begin=E0 " + PastRig::chunks('E', 0, 40));
  rig.run_for(1500ms);
  CHECK(viewer.story.empty());  // it may still come
  rig.run_until([&] { return !viewer.story.empty(); });
  CHECK(viewer.take() == "elsewhere=E40");
}

TEST_CASE("faster than it was recorded only sync chunks are read") {
  PastRig rig;
  record_12_seconds(rig);
  auto& viewer = rig.watch(Position{E, 13}, true);
  const std::string told = rig.told_until(viewer, "end");
  CHECK(told ==
        "begin=E20 E20 gap=E30(lost E21) E30 gap=E40(lost E31) E40 "
        "gap=E50(lost E41) E50 gap=E60(lost E51) E60 gap=E70(lost E61) E70 "
        "gap=E80(lost E71) E80 gap=E90(lost E81) E90 gap=E100(lost E91) E100 "
        "gap=E110(lost E101) E110 end");
  CHECK(rig.table->counters().bytes < 12'000);
}

TEST_CASE("a viewer ends where it wants to") {
  PastRig rig;
  record_12_seconds(rig);
  auto& viewer = rig.watch(Position{E, 35}, false, Position{E, 85});
  CHECK(rig.told_until(viewer, "until") == "begin=E35 " + PastRig::chunks('E', 35, 85) + " until");
}

TEST_CASE("under memory pressure everything is let go and read again") {
  PastRig rig;
  record_12_seconds(rig);
  auto& viewer = rig.watch(Position{E, 0});
  viewer.limit = 1;
  rig.run_until([&] { return viewer.rest.has_value(); });
  CHECK(rig.table->holds_anything());
  CHECK(rig.table->let_go());
  CHECK_FALSE(rig.table->holds_anything());
  CHECK_FALSE(rig.table->let_go());
  viewer.limit = 1 << 20;
  viewer.finish_rest();
  CHECK(rig.told_until(viewer, "end") == "begin=E0 E0 elsewhere=E1 tracks=E1/" +
                                             std::to_string(rig.live_version()) + " " +
                                             PastRig::chunks('E', 1, 120) + " end");
}

TEST_CASE("who does not move lets the others go on") {
  PastRig rig;
  for (int segment = 0; segment < 30; ++segment) {
    rig.record({.first = 40U * static_cast<unsigned>(segment),
                .start = noon + segment * 4s,
                .bytes = 20'000});
  }
  auto& fast = rig.watch(Position{E, 0});
  auto& slow = rig.watch(Position{E, 0});
  slow.limit = 1;
  const std::string whole = "begin=E0 " + PastRig::chunks('E', 0, 1200);
  CHECK(rig.told_until(fast, "end") == whole + " end");
  slow.limit = 1 << 20;
  slow.finish_rest();
  const std::string told = rig.told_until(slow, "end");
  CHECK(told.starts_with("begin=E0 E0 elsewhere=E1 "));
  CHECK(told.ends_with(" " + PastRig::chunks('E', 1, 1200) + " end"));
  CHECK(rig.store->past_bytes <= rig.store->past_bytes_max());
}

TEST_CASE("with little memory everybody gets all of it one after the other") {
  PastRig rig;
  for (unsigned segment = 0; segment < 6; ++segment) {
    rig.record({.first = 40 * segment, .start = noon + segment * 4s, .bytes = 16'000});
  }
  // Three chunks of each are all that there may be.
  std::vector<::test::WireViewer*> viewers;
  for (std::uint64_t number = 0; number < 20; ++number) {
    viewers.push_back(&rig.watch(Position{E, 10 * number + 3}));
  }
  std::uint64_t used = 0;
  rig.run_until([&] {
    used = std::max(used, rig.store->past_bytes.load());
    return std::ranges::all_of(viewers, [](auto* one) { return one->story.ends_with("end"); });
  });
  for (std::uint64_t number = 0; number < 20; ++number) {
    const std::string told = viewers[number]->take();
    CHECK(viewers[number]->messages.size() == 240 - (10 * number + 3));
    CHECK(told.find("gap") == std::string::npos);
  }
  CHECK(used <= rig.store->past_bytes_max());
}

TEST_CASE("a chunk that is larger than what is read at once is read all the same") {
  PastRig rig;
  rig.record({.chunks = 3, .bytes = 1'500'000});
  auto& viewer = rig.watch(Position{E, 0});
  CHECK(rig.told_until(viewer, "end") == "begin=E0 E0 E1 E2 end");
}

}  // namespace disk

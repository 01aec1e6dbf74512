// Cursors that follow positions: where they begin, what they tell, and that nothing is sent twice
// or left out in between.
#include "relay/stream/cursor.hpp"
#include "tests/unit/stream/wire_rig.hpp"

namespace stream {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::E;
using test::F;
using test::WireRig;
using test::WireViewer;
using wire::Live;
using wire::Position;

ViewerPolicy policy_of(SlowPolicy slow, base::Duration max_lag) {
  return {slow, max_lag, {}, 0, base::Duration::zero()};
}

base::Utc utc_of(int made) { return WireRig::start_utc + WireRig::interval * made; }

}  // namespace

TEST_CASE("a cursor costs a viewer little memory") { CHECK(sizeof(Cursor) <= 176); }

TEST_CASE("a live viewer begins at the newest sync chunk and gets each one after it") {
  WireRig rig;
  rig.publish(E, 100, 108);
  WireViewer& viewer = rig.watch(Live{});
  CHECK(rig.told(viewer) == "begin=E105 E105 E106 E107");
  rig.publish(E, 108, 111);
  CHECK(rig.told(viewer) == "E108 E109 E110");
  CHECK(viewer.cursor.position() == Position{E, 111});
}

TEST_CASE("a viewer that was there first begins with the first sync chunk") {
  WireRig rig;
  WireViewer& viewer = rig.watch(Live{});
  CHECK(rig.told(viewer).empty());
  rig.publish({E, 1});
  CHECK(rig.told(viewer).empty());
  rig.publish({E, 2}, true);
  CHECK(rig.told(viewer) == "begin=E2 E2");
}

TEST_CASE("a viewer that comes back goes on exactly where it was") {
  WireRig rig;
  rig.publish(E, 100, 120);
  for (std::uint64_t next = 100; next < 120; ++next) {
    WireViewer& viewer = rig.watch(Position{E, next});
    std::string whole = "begin=E" + std::to_string(next);
    for (std::uint64_t number = next; number < 120; ++number) {
      whole += " E" + std::to_string(number);
    }
    CHECK(rig.told(viewer) == whole);
  }
}

TEST_CASE("a viewer that is ahead of the log waits for its place") {
  WireRig rig;
  rig.publish(E, 0, 3);
  WireViewer& next = rig.watch(Position{E, 3});
  WireViewer& later = rig.watch(Position{E, 5});
  CHECK(rig.told(next).empty());
  CHECK(next.cursor.has_read_all());
  rig.publish(E, 3, 5);
  CHECK(rig.told(next) == "begin=E3 E3 E4");
  CHECK(rig.told(later).empty());
  rig.publish(E, 5, 7);
  CHECK(rig.told(later) == "begin=E5 E5 E6");
  // Or for what comes instead.
  WireViewer& never = rig.watch(Position{E, 9});
  rig.publish(E, 7, 8);
  rig.publish({F, 0}, true);
  CHECK(rig.told(never) == "begin=F0(publisher E9) F0");
}

TEST_CASE("a viewer whose place is gone begins at the oldest sync chunk") {
  WireRig rig({milliseconds(40 * 20), 16 << 20});
  rig.publish(E, 0, 38);
  WireViewer& viewer = rig.watch(Position{E, 2});
  const std::string told = rig.told(viewer);
  CHECK(told.starts_with("begin=E20(tail E2) E20 E21 E22"));
  CHECK(told.ends_with(" E37"));
}

TEST_CASE("a viewer of a log that is not there any more begins with what there is") {
  WireRig rig;
  rig.publish(F, 3, 8);
  WireViewer& viewer = rig.watch(Position{E, 42});
  CHECK(rig.told(viewer) == "begin=F5(publisher E42) F5 F6 F7");
}

TEST_CASE("a viewer begins at the last sync chunk not after a UTC") {
  WireRig rig;
  rig.publish(E, 0, 20);
  const auto first_of = [&rig](base::Utc utc) {
    const std::string told = rig.told(rig.watch(utc));
    return told.substr(0, told.find(' '));
  };
  CHECK(first_of(utc_of(10)) == "begin=E10");
  CHECK(first_of(utc_of(10) - milliseconds(1)) == "begin=E5");
  CHECK(first_of(utc_of(14)) == "begin=E10");
  CHECK(first_of(utc_of(1000)) == "begin=E15");
  CHECK(first_of(utc_of(-1000)) == "begin=E0");
}

TEST_CASE("another epoch is a gap that is told once") {
  WireRig rig;
  rig.publish(E, 0, 3);
  WireViewer& viewer = rig.watch(Live{});
  WireViewer& behind = rig.watch(Live{});
  behind.limit = 10;
  rig.serve();
  rig.publish(F, 10, 12);
  rig.publish(F, 12, 13);
  CHECK(rig.told(viewer) == "begin=E0 E0 E1 E2 gap=F10(publisher E3) F10 F11 F12");
  behind.limit = 1'000'000;
  behind.finish_rest();
  CHECK(rig.told(behind) == "begin=E0 E0 E1 E2 gap=F10(publisher E3) F10 F11 F12");
  // It may come back.
  rig.publish({E, 5}, true);
  CHECK(rig.told(viewer) == "gap=E5(publisher F13) E5");
  WireViewer& late = rig.watch(Position{E, 2});
  CHECK(rig.told(late) == "begin=E2 E2 gap=F10(publisher E3) F10 F11 F12 gap=E5(publisher F13) E5");
}

TEST_CASE("numbers that a publisher leaves out are a gap with its reason") {
  WireRig rig;
  rig.publish(E, 0, 2);
  WireViewer& viewer = rig.watch(Position{E, 0});
  rig.home.on_gap(wire::GapReason::memory);
  rig.publish(E, 5, 7);
  rig.publish(E, 10, 11);  // without a word
  CHECK(rig.told(viewer) == "begin=E0 E0 E1 gap=E5(memory E2) E5 E6 gap=E10(lost E7) E10");
  // Who wants one of those is told what comes instead, and why.
  CHECK(rig.told(rig.watch(Position{E, 3})) == "begin=E5(memory E3) E5 E6 gap=E10(lost E7) E10");
  CHECK(rig.told(rig.watch(Position{E, 8})) == "begin=E10(lost E8) E10");
}

TEST_CASE("other tracks are told before the first chunk that uses them") {
  WireRig rig;
  rig.publish(E, 0, 2);
  WireViewer& viewer = rig.watch(Live{});
  rig.use_tracks(7);
  rig.publish(E, 2, 4);
  CHECK(rig.told(viewer) == "begin=E0 E0 E1 tracks=E2/7 E2 E3");
  rig.use_tracks(7);  // said again, as by a camera that comes back
  rig.publish(E, 4, 6);
  CHECK(rig.told(viewer) == "E4 E5");
}

TEST_CASE("a viewer is served on only when what it was told has left") {
  WireRig rig;
  rig.publish(E, 0, 2);
  WireViewer& viewer = rig.watch(Live{});
  viewer.waits_at_seams = true;
  CHECK(rig.told(viewer) == "begin=E0");
  rig.publish(E, 2, 3);
  CHECK(rig.told(viewer).empty());
  viewer.cursor.resume();
  CHECK(rig.told(viewer) == "E0 E1 E2");
  rig.publish(F, 0, 2);
  CHECK(rig.told(viewer) == "gap=F0(publisher E3)");
  // What it was told of goes while it waits: that is another gap.
  rig.publish({F, 2}, true);
  rig.home.let_tail_go();
  viewer.waits_at_seams = false;
  viewer.cursor.resume();
  CHECK(rig.told(viewer) == "gap=F2(tail F0) F2");
}

TEST_CASE("a viewer that lags too much is told what it does not get") {
  WireRig rig;
  rig.publish(E, 0, 1);
  const auto policy = policy_of(SlowPolicy::skip, milliseconds(200));
  WireViewer& viewer = rig.watch(Live{}, policy);
  WireViewer& complete = rig.watch(Live{}, policy_of(SlowPolicy::catch_up, milliseconds(200)));
  WireViewer& ending = rig.watch(Live{}, policy_of(SlowPolicy::disconnect, milliseconds(200)));
  for (WireViewer* slow : {&viewer, &complete, &ending}) slow->limit = 20;
  rig.serve();
  rig.publish(E, 1, 13);
  for (WireViewer* slow : {&viewer, &complete, &ending}) {
    slow->limit = 1'000'000;
    slow->finish_rest();
  }
  CHECK(rig.told(viewer) == "begin=E0 E0 gap=E10(skip E1) E10 E11 E12");
  CHECK(viewer.cursor.skips() == 1);
  CHECK(rig.told(complete) == "begin=E0 E0 E1 E2 E3 E4 E5 E6 E7 E8 E9 E10 E11 E12");
  CHECK(rig.told(ending) == "begin=E0 E0 slow");
}

TEST_CASE("a viewer that begins in the past may lag as much as it did then until it caught up") {
  WireRig rig;
  rig.publish(E, 0, 60);
  const auto policy = policy_of(SlowPolicy::skip, milliseconds(200));
  WireViewer& viewer = rig.watch(Position{E, 2}, policy);
  viewer.limit = 20;
  rig.serve();
  rig.publish(E, 60, 62);
  viewer.finish_rest();
  rig.serve();
  viewer.limit = 1'000'000;
  viewer.finish_rest();
  const std::string told = rig.told(viewer);
  CHECK(told.starts_with("begin=E2 E2 E3 E4"));
  CHECK(told.ends_with("E60 E61"));
  CHECK(told.find("gap") == std::string::npos);
  // From now on it is treated like others.
  viewer.limit = 20;
  rig.publish(E, 62, 63);
  rig.serve();
  rig.publish(E, 63, 76);
  viewer.limit = 1'000'000;
  viewer.finish_rest();
  CHECK(rig.told(viewer) == "E62 gap=E75(skip E63) E75");
}

TEST_CASE("a viewer gets all before a position and not more") {
  WireRig rig;
  rig.publish(E, 0, 8);
  WireViewer& within = rig.watch(Position{E, 2}, WireRig::patient(), Position{E, 5});
  WireViewer& later = rig.watch(Position{E, 6}, WireRig::patient(), Position{E, 9});
  WireViewer& none = rig.watch(Position{E, 6}, WireRig::patient(), Position{E, 6});
  CHECK(rig.told(within) == "begin=E2 E2 E3 E4 until");
  CHECK(rig.told(later) == "begin=E6 E6 E7");
  CHECK(rig.told(none) == "begin=E6 until");
  rig.publish(E, 8, 9);
  // At once, and not when something comes that it does not want.
  CHECK(rig.told(later) == "E8 until");
  rig.publish(E, 9, 11);
  CHECK(rig.told(within).empty());
  CHECK(rig.told(later).empty());
}

TEST_CASE("a viewer whose end comes no more is told why and that it has all") {
  WireRig rig;
  rig.publish(E, 0, 3);
  WireViewer& viewer = rig.watch(Live{}, WireRig::patient(), Position{E, 50});
  WireViewer& other = rig.watch(Live{}, WireRig::patient(), Position{F, 2});
  WireViewer& skipped = rig.watch(Position{E, 2}, WireRig::patient(), Position{E, 9});
  rig.serve();
  rig.publish(F, 0, 4);
  CHECK(rig.told(viewer) == "begin=E0 E0 E1 E2 gap=F0(publisher E3) until");
  CHECK(rig.told(other) == "begin=E0 E0 E1 E2 gap=F0(publisher E3) F0 F1 until");
  CHECK(rig.told(skipped) == "begin=E2 E2 gap=F0(publisher E3) until");
  rig.publish({F, 10}, true);
  WireViewer& jumped = rig.watch(Position{F, 3}, WireRig::patient(), Position{F, 7});
  CHECK(rig.told(jumped) == "begin=F3 F3 gap=F10(lost F4) until");
}

TEST_CASE("with an end a short write is finished first") {
  WireRig rig;
  rig.publish(E, 0, 8);
  WireViewer& viewer = rig.watch(Position{E, 2}, WireRig::patient(), Position{E, 4});
  viewer.limit = 300;
  rig.serve();
  while (viewer.rest) {
    viewer.finish_rest();
    rig.serve();
  }
  CHECK(viewer.take() == "begin=E2 E2 E3 until");
}

TEST_CASE("a viewer that is moved begins again there") {
  WireRig rig;
  rig.publish(E, 0, 8);
  WireViewer& viewer = rig.watch(Live{});
  CHECK(rig.told(viewer) == "begin=E5 E5 E6 E7");
  viewer.cursor.move(Position{E, 2});
  CHECK(rig.told(viewer) == "begin=E2 E2 E3 E4 E5 E6 E7");
  viewer.cursor.move(utc_of(6));
  CHECK(rig.told(viewer) == "begin=E5 E5 E6 E7");
  viewer.cursor.move(Position{E, 9});
  CHECK(rig.told(viewer).empty());
  viewer.cursor.move(Live{});
  CHECK(rig.told(viewer) == "begin=E5 E5 E6 E7");
}

TEST_CASE("a viewer that is moved in the middle of a chunk gets the rest of it first") {
  WireRig rig;
  rig.publish(E, 0, 8);
  WireViewer& viewer = rig.watch(Live{});
  viewer.limit = 30;
  rig.serve();
  viewer.limit = 1'000'000;
  viewer.cursor.move(Position{E, 3});
  rig.serve();
  CHECK(viewer.story == "begin=E5");
  viewer.finish_rest();
  CHECK(rig.told(viewer) == "begin=E5 E5 begin=E3 E3 E4 E5 E6 E7");
}

TEST_CASE("a viewer that halts goes on where it was") {
  WireRig rig;
  rig.publish(E, 0, 7);
  WireViewer& viewer = rig.watch(Live{}, policy_of(SlowPolicy::skip, milliseconds(100)));
  CHECK(rig.told(viewer) == "begin=E5 E5 E6");
  viewer.cursor.halt();
  rig.publish(E, 7, 14);
  CHECK(rig.told(viewer).empty());
  viewer.cursor.go_on();
  CHECK(rig.told(viewer) == "E7 E8 E9 E10 E11 E12 E13");
  CHECK(viewer.cursor.skips() == 0);
}

TEST_CASE("a viewer that halts in the middle of a chunk gets the rest and no more") {
  WireRig rig;
  rig.publish(E, 0, 7);
  WireViewer& viewer = rig.watch(Live{});
  viewer.limit = 30;
  rig.serve();
  viewer.cursor.halt();
  viewer.limit = 1'000'000;
  viewer.finish_rest();
  CHECK(rig.told(viewer) == "begin=E5 E5");
  viewer.cursor.go_on();
  CHECK(rig.told(viewer) == "E6");
}

TEST_CASE("a viewer that halts longer than the tail is told what is gone") {
  WireRig rig({milliseconds(40 * 10), 16 << 20});
  rig.publish(E, 0, 7);
  for (const SlowPolicy slow : {SlowPolicy::catch_up, SlowPolicy::skip}) {
    rig.watch(Live{}, policy_of(slow, milliseconds(100)));
  }
  rig.serve();
  for (const auto& viewer : rig.viewers) {
    CHECK(viewer->take() == "begin=E5 E5 E6");
    viewer->cursor.halt();
  }
  rig.publish(E, 7, 38);
  rig.serve();
  for (const auto& viewer : rig.viewers) viewer->cursor.go_on();
  CHECK(rig.told(*rig.viewers[0]).starts_with("gap=E30(tail E7) E30 E31"));
  CHECK(rig.told(*rig.viewers[1]) == "gap=E35(tail E7) E35 E36 E37");
}

TEST_CASE("who missed all of another publisher goes on with his own") {
  WireRig rig;
  rig.publish(E, 0, 5);
  WireViewer& viewer = rig.watch(Position{E, 3}, policy_of(SlowPolicy::skip, milliseconds(100)));
  CHECK(rig.told(viewer) == "begin=E3 E3 E4");
  viewer.cursor.halt();
  rig.publish(F, 0, 3);
  rig.publish(E, 5, 8);
  rig.home.stream().drop_before(8);  // of the log; the first that is left is E5
  viewer.cursor.go_on();
  CHECK(rig.told(viewer) == "tracks=E5/1 E5 E6 E7");
  CHECK(viewer.cursor.skips() == 0);
}

TEST_CASE("where a halted viewer was moved to is told and nothing is sent") {
  WireRig rig;
  rig.publish(E, 0, 7);
  WireViewer& viewer = rig.watch(Live{});
  rig.serve();
  viewer.take();
  viewer.cursor.halt();
  viewer.cursor.move(Position{E, 8});
  CHECK(rig.told(viewer).empty());
  rig.publish(E, 7, 10);
  CHECK(rig.told(viewer) == "begin=E8");
  viewer.cursor.go_on();
  CHECK(rig.told(viewer) == "E8 E9");
  WireViewer& halted_first = rig.watch(Live{});
  halted_first.cursor.halt();
  CHECK(rig.told(halted_first) == "begin=E5");
}

TEST_CASE("viewers of a replica that is seeded anew go on exactly where it has what they need") {
  WireRig rig;
  rig.replicates = true;
  rig.publish(E, 0, 8);
  WireViewer& viewer = rig.watch(*rig.replica, Live{});
  WireViewer& behind = rig.watch(*rig.replica, Position{E, 1});
  behind.limit = 30;
  rig.serve();
  CHECK(viewer.take() == "begin=E5 E5 E6 E7");
  rig.replicates = false;
  rig.publish(E, 8, 16);
  rig.seed_replica(3);
  CHECK(rig.told(viewer) == "tracks=E8/1 E8 E9 E10 E11 E12 E13 E14 E15");
  CHECK(viewer.cursor.skips() == 0);
  behind.limit = 1'000'000;
  behind.finish_rest();
  const std::string told = rig.told(behind);
  CHECK(told.starts_with("begin=E1 E1 gap=E5(replica E2) E5"));
  CHECK(behind.cursor.skips() == 1);
}

TEST_CASE("viewers of a replica that lost what they need are told") {
  WireRig rig;
  rig.replicates = true;
  rig.publish(E, 0, 3);
  WireViewer& viewer = rig.watch(*rig.replica, Live{});
  CHECK(rig.told(viewer) == "begin=E0 E0 E1 E2");
  rig.replicates = false;
  rig.publish(E, 3, 12);
  rig.seed_replica(8);
  CHECK(rig.told(viewer) == "gap=E10(replica E3) E10 E11");
  CHECK(rig.fanout.counters().skips[static_cast<std::size_t>(SkipReason::replica)] == 1);
}

TEST_CASE("at the end of the stream a viewer has read all but what it is not let have") {
  WireRig rig;
  rig.publish(E, 0, 3);
  WireViewer& viewer = rig.watch(Live{});
  WireViewer& waiting = rig.watch(Position{E, 9});
  WireViewer& behind = rig.watch(Position{E, 1});
  behind.limit = 30;
  rig.serve();
  CHECK(viewer.cursor.has_read_all());
  CHECK(waiting.cursor.has_read_all());
  CHECK_FALSE(behind.cursor.has_read_all());
  auto stream = rig.home.take_stream();
  std::size_t most = 100;
  CHECK_FALSE(stream->end_finished(most));
  CHECK(viewer.take() == "begin=E0 E0 E1 E2 end");
  CHECK(waiting.take() == "end");
  behind.limit = 1'000'000;
  behind.finish_rest();
  rig.serve();
  CHECK(stream->end_finished(most));
  CHECK(behind.take() == "begin=E1 E1 E2 end");
}

TEST_CASE("wherever writes are cut a viewer gets every message whole and once") {
  WireRig rig;
  rig.publish(E, 0, 3);
  rig.publish(F, 0, 2);
  std::size_t whole = 0;
  for (std::size_t cut = 1; cut < 2 + whole; cut += 7) {
    WireViewer& viewer = rig.watch(Position{E, 0});
    viewer.limit = cut;
    rig.serve();
    while (viewer.rest) {
      viewer.limit = 1'000'000;
      viewer.finish_rest();
      rig.serve();
    }
    CHECK(viewer.take() == "begin=E0 E0 E1 E2 gap=F0(publisher E3) F0 F1");
    if (whole == 0) {
      for (const auto& [name, message] : viewer.messages) whole += message.size() + 4;
    }
    rig.viewers.pop_back();
  }
  CHECK(whole > 1000);
}

}  // namespace stream

#include "relay/disk/segment_plan.hpp"

#include <doctest/doctest.h>

namespace disk {
namespace {

using Step = SegmentPlan::Step;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr base::Utc start{seconds(1'800'000'000)};
constexpr milliseconds interval{40};
constexpr std::uint64_t epoch = 7;

/// Chunks of 40 ms, and what a plan says to each.
struct Rig {
  explicit Rig(const std::optional<SegmentPlan::End>& before = {},
               GapReason reason = GapReason::none)
      : plan(seconds(1), before, reason) {}

  stream::Chunk make(bool sync) const {
    stream::Chunk chunk;
    chunk.position = next;
    chunk.utc = start + interval * count;
    chunk.time = 900'000 + stream::to_media_time(interval * count);
    chunk.sync = sync;
    chunk.discontinuity = discontinuity;
    chunk.gap = gap;
    return chunk;
  }
  /// One that it does not want is skipped, too.
  SegmentPlan::Decision add(bool sync = false) { return add(sync, sync); }
  SegmentPlan::Decision add(bool sync, bool is_record_sync) {
    const stream::Chunk chunk = make(sync);
    ++count;
    ++next.sequence;
    gap = wire::GapReason::unspecified;
    is_wanted = plan.wants(chunk);
    if (!is_wanted) return {};
    RecordWriter::Record record;
    record.entry.sync = is_record_sync;
    record.entry.utc = chunk.utc;
    record.entry.time = chunk.time;
    record.position = chunk.position;
    record.discontinuity = chunk.discontinuity;
    record.end_time = chunk.time + stream::to_media_time(interval);
    record.begins_anew = std::exchange(begins_anew, false);
    record.is_lost = std::exchange(is_lost, false);
    return plan.take(chunk, record);
  }
  /// How many of the next ones are taken for the segment that began.
  int fill(int most, int sync_every) {
    for (int taken = 0; taken < most; ++taken) {
      if (add(count % sync_every == 0).step != Step::append) return taken;
    }
    return most;
  }
  void pass(milliseconds time) { count += static_cast<int>(time / interval); }

  SegmentPlan plan;
  wire::Position next{epoch, 100};
  int count = 0;
  std::uint32_t discontinuity = 0;
  wire::GapReason gap = wire::GapReason::unspecified;
  bool begins_anew = false;
  bool is_lost = false;
  bool is_wanted = false;
};

}  // namespace

TEST_CASE("a recording begins at a sync chunk") {
  Rig rig;
  CHECK(rig.add().step == Step::skip);
  CHECK_FALSE(rig.is_wanted);
  const auto first = rig.add(true);
  CHECK(first.step == Step::begin);
  CHECK(first.gap == GapReason::none);
  CHECK_FALSE(first.before);
  CHECK(rig.add().step == Step::append);
  CHECK(rig.plan.end()->next == wire::Position{epoch, 103});
  CHECK(rig.plan.end()->utc == start + 3 * interval);
  CHECK(rig.plan.end()->time == 900'000 + 3 * 3'600);
}

TEST_CASE("a recording begins where a sync frame ends if that is behind its chunk") {
  Rig rig;
  CHECK(rig.add(true, false).step == Step::skip);
  CHECK(rig.is_wanted);
  CHECK(rig.add(false, true).step == Step::begin);
  CHECK(rig.add(false, false).step == Step::append);
}

TEST_CASE("a segment begins at the first sync chunk once the last one is long enough") {
  Rig rig;
  rig.add(true);
  CHECK(rig.fill(100, 10) == 29);  // 0.4 s apart: at 1.2 s
  CHECK(rig.fill(100, 10) == 29);
  Rig other;
  other.add(true);
  CHECK(other.fill(100, 1000) == 100);  // not without a sync frame
}

TEST_CASE("other tracks begin a segment whatever they come with") {
  Rig rig;
  rig.add(true);
  rig.begins_anew = true;
  const auto decision = rig.add();
  CHECK(decision.step == Step::begin);
  CHECK(decision.gap == GapReason::none);
}

TEST_CASE("a discontinuity begins a segment at the next sync chunk") {
  Rig rig;
  rig.add(true);
  ++rig.discontinuity;
  CHECK(rig.add().step == Step::append);
  ++rig.discontinuity;
  const auto decision = rig.add(true);
  CHECK(decision.step == Step::begin);
  CHECK(decision.gap == GapReason::none);
}

TEST_CASE("numbers that do not follow are a gap with a reason and a length") {
  Rig rig;
  rig.add(true);
  rig.pass(seconds(4));
  SUBCASE("that the publisher left out") {
    rig.next.sequence += 5;
    rig.gap = wire::GapReason::lost;
    const auto decision = rig.add(true);
    CHECK(decision.step == Step::begin);
    CHECK(decision.gap == GapReason::lost);
    CHECK(decision.gap_length == seconds(4));
    CHECK(decision.before->next == wire::Position{epoch, 101});
  }
  SUBCASE("for which there was no memory") {
    rig.next.sequence += 5;
    rig.gap = wire::GapReason::memory;
    CHECK(rig.add(true).gap == GapReason::memory);
  }
  SUBCASE("of another publisher") {
    rig.next = {epoch + 1, 3};
    rig.gap = wire::GapReason::publisher;
    CHECK(rig.add(true).gap == GapReason::publisher);
  }
  SUBCASE("that is found late where the next sync chunk is late") {
    rig.next.sequence += 5;
    rig.is_lost = true;
    rig.gap = wire::GapReason::lost;
    CHECK(rig.add(true).step == Step::skip);
    CHECK(rig.add(true).gap == GapReason::memory);
  }
}

TEST_CASE("a pause of the publisher is a gap though numbers follow") {
  Rig rig;
  rig.add(true);
  rig.pass(seconds(30));
  ++rig.discontinuity;
  const auto decision = rig.add(true);
  CHECK(decision.step == Step::begin);
  CHECK(decision.gap == GapReason::publisher);
  CHECK(decision.gap_length == seconds(30));
  // A camera that sends seldom has none.
  rig.pass(seconds(30));
  CHECK(rig.add(true).gap == GapReason::none);
}

TEST_CASE("input that found no room in the arena is a gap though numbers follow") {
  Rig rig;
  rig.add(true);
  rig.plan.on_gap(wire::GapReason::memory);
  rig.pass(milliseconds(400));
  ++rig.discontinuity;
  const auto decision = rig.add(true);
  CHECK(decision.gap == GapReason::memory);
  CHECK(decision.gap_length == milliseconds(400));
}

TEST_CASE("what has no room in the arena is left out up to the next sync chunk") {
  Rig rig;
  rig.add(true);
  rig.is_lost = true;
  CHECK(rig.add().step == Step::skip);
  CHECK(rig.add().step == Step::skip);
  CHECK_FALSE(rig.is_wanted);
  const auto decision = rig.add(true);
  CHECK(decision.gap == GapReason::memory);
  CHECK(decision.gap_length == 2 * interval);
  CHECK(rig.plan.has_hole_before({epoch, 102}));
  CHECK_FALSE(rig.plan.has_hole_before({epoch, 101}));
  CHECK_FALSE(rig.plan.has_hole_before({epoch + 1, 500}));
}

TEST_CASE("nothing is wanted in a pause and the first reason counts") {
  Rig rig;
  rig.add(true);
  rig.plan.pause(GapReason::backlog);
  CHECK(rig.plan.is_paused());
  rig.add(true);
  CHECK_FALSE(rig.is_wanted);
  rig.plan.pause(GapReason::failed);
  rig.gap = wire::GapReason::lost;
  rig.add(true);
  rig.plan.resume();
  rig.add();
  CHECK_FALSE(rig.is_wanted);
  const auto decision = rig.add(true);
  CHECK(decision.step == Step::begin);
  CHECK(decision.gap == GapReason::backlog);
  CHECK(decision.gap_length == 3 * interval);
  CHECK(rig.plan.has_hole_before({epoch, 102}));
}

TEST_CASE("what was taken and not written belongs to the gap") {
  Rig rig;
  rig.add(true);
  const auto end = rig.plan.end();
  rig.add();
  rig.add();
  rig.plan.cut(end);
  rig.plan.pause(GapReason::failed);
  rig.plan.resume();
  const auto decision = rig.add(true);
  CHECK(decision.gap == GapReason::failed);
  CHECK(decision.gap_length == 2 * interval);
  CHECK(rig.plan.has_hole_before({epoch, 1}));
}

TEST_CASE("a failure that lost nothing leaves no gap") {
  Rig rig;
  rig.add(true);
  rig.plan.cut(rig.plan.end());
  rig.plan.pause(GapReason::failed);
  rig.plan.resume();
  const auto decision = rig.add(true);
  CHECK(decision.step == Step::begin);
  CHECK(decision.gap == GapReason::none);
}

TEST_CASE("a recording goes on behind an earlier one") {
  const SegmentPlan::End before{{epoch, 120}, start - seconds(60), 900'000};
  SUBCASE("with chunks that are there already") {
    Rig rig(before, GapReason::restart);
    const auto decision = rig.add(true);
    CHECK(decision.step == Step::begin);
    CHECK(decision.gap == GapReason::none);
    CHECK(rig.fill(25, 100) == 25);  // also past what was there
  }
  SUBCASE("with the very next one") {
    Rig rig(before, GapReason::restart);
    rig.next.sequence = 120;
    CHECK(rig.add(true).gap == GapReason::none);
  }
  SUBCASE("with a hole since the relay was not there") {
    Rig rig(before, GapReason::restart);
    rig.next.sequence = 130;
    const auto decision = rig.add(true);
    CHECK(decision.gap == GapReason::restart);
    CHECK(decision.gap_length == seconds(60));
    rig.next.sequence += 10;
    CHECK(rig.add(true).gap == GapReason::lost);  // only before the first
  }
  SUBCASE("with a hole since the camera did not keep it") {
    Rig rig(before, GapReason::publisher);
    rig.next.sequence = 130;
    CHECK(rig.add(true).gap == GapReason::lost);
  }
  SUBCASE("of another publisher") {
    Rig rig(before, GapReason::publisher);
    rig.next = {epoch + 1, 0};
    CHECK(rig.add(true).gap == GapReason::publisher);
  }
}

}  // namespace disk

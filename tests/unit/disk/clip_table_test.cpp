#include "relay/disk/clip_table.hpp"

#include <doctest/doctest.h>

#include <map>

#include "relay/disk/errc.hpp"
#include "tests/unit/disk/clip_rig.hpp"
#include "tests/unit/loop/loop_rig.hpp"

namespace disk {
namespace {

using test::ClipRig;

struct TableRig : ClipRig, ClipTable::Asker {
  explicit TableRig(std::uint64_t bytes_max = ClipTable::bytes_max) : table(store, bytes_max) {
    segment = record(0, 40);
  }

  void on_clip_planned(std::uint64_t id, ClipTable::Answer answer) noexcept override {
    answers.emplace(id, std::move(answer));
  }
  static ClipRequest request(int from, int to) { return {"live/cam", at(from), at(to)}; }
  bool ask(int from, int to, std::uint64_t id) {
    return table.ask(worker, request(from, to), *this, id);
  }
  void wait(std::size_t count) {
    ::test::run_until(worker, [&] { return answers.size() == count; });
  }

  Segment segment;
  ClipTable table;
  std::map<std::uint64_t, ClipTable::Answer> answers;
  loop::Worker worker{0};
};

}  // namespace

TEST_CASE("equal requests for a clip share one plan") {
  TableRig rig;
  REQUIRE(rig.ask(0, 30, 1));
  REQUIRE(rig.ask(0, 30, 2));
  REQUIRE(rig.ask(0, 20, 3));
  CHECK(rig.answers.empty());
  rig.wait(3);
  REQUIRE(rig.answers.at(1).has_value());
  CHECK(*rig.answers.at(1) == *rig.answers.at(2));
  CHECK(*rig.answers.at(1) != *rig.answers.at(3));
  REQUIRE(rig.ask(0, 30, 4));
  rig.wait(4);
  CHECK(*rig.answers.at(1) == *rig.answers.at(4));
}

TEST_CASE("a plan is kept for a while and its segments are held as long") {
  TableRig rig;
  REQUIRE(rig.ask(0, 30, 1));
  rig.wait(1);
  const base::Time now = base::monotonic_now();
  rig.table.on_time(now + ClipTable::idle_max * 2);  // a response has it
  CHECK(rig.store.is_held(rig.segment.id));
  rig.answers.clear();
  rig.table.on_time(now + ClipTable::idle_max / 2);
  CHECK(rig.store.is_held(rig.segment.id));
  CHECK(rig.table.memory_bytes() > 0);
  rig.table.on_time(now + ClipTable::idle_max * 2);
  CHECK_FALSE(rig.store.is_held(rig.segment.id));
  CHECK(rig.table.memory_bytes() == 0);
}

TEST_CASE("why there is no clip is told and not kept") {
  TableRig rig;
  REQUIRE(rig.ask(100, 120, 1));
  rig.wait(1);
  CHECK(rig.answers.at(1).error() == Errc::nothing_recorded);
  rig.record(100, 120, GapReason::publisher);
  REQUIRE(rig.ask(100, 120, 2));
  rig.wait(2);
  CHECK(rig.answers.at(2).has_value());
}

TEST_CASE("of ten thousand requests for clips so many wait and the others are refused") {
  TableRig rig;
  std::size_t taken = 0;
  for (std::uint64_t id = 0; id < 10'000; ++id) {
    const ClipRequest request{"live/cam", ClipRig::at(0),
                              ClipRig::at(20, std::chrono::microseconds(id))};
    if (rig.table.ask(rig.worker, request, rig, id)) ++taken;
  }
  CHECK(taken == ClipTable::planning_max + ClipTable::waiting_max);
  CHECK(rig.store.read_lane().counts().running + rig.store.read_lane().counts().waiting <=
        ClipTable::planning_max);
  rig.wait(taken);
  for (const auto& [id, answer] : rig.answers) CHECK(answer.has_value());
  CHECK(rig.ask(0, 30, 10'000));
  rig.wait(taken + 1);
}

TEST_CASE("plans that responses have are not made room of") {
  TableRig rig(1);
  REQUIRE(rig.ask(0, 30, 1));
  rig.wait(1);
  CHECK_FALSE(rig.ask(0, 20, 2));
  CHECK(rig.ask(0, 30, 2));
  rig.wait(2);
  rig.answers.clear();
  CHECK(rig.ask(0, 20, 3));
  rig.wait(1);
  CHECK(rig.answers.at(3).has_value());
}

TEST_CASE("a table ends while plans are being made") {
  TableRig rig;
  for (std::uint64_t id = 0; id < 50; ++id) REQUIRE(rig.ask(0, 1 + static_cast<int>(id % 30), id));
  rig.worker.mailbox().close();
  rig.answers.clear();
}

}  // namespace disk

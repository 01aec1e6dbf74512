#include "relay/stream/pressure.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "relay/memory/block_pool.hpp"

namespace stream {
namespace {

using Blocks = std::vector<memory::BlockIndex>;
using Pinned = std::vector<PinnedBlock>;

base::Time at(int seconds) { return base::Time(std::chrono::seconds(seconds)); }

}  // namespace

TEST_CASE("every step of the order has a name of its own") {
  std::set<std::string> names;
  for (std::size_t step = 0; step < pressure_step_count; ++step) {
    names.insert(name_of(static_cast<PressureStep>(step)));
  }
  CHECK(names.size() == pressure_step_count);
  CHECK_FALSE(names.contains("unknown"));
}

TEST_CASE("the shares of all streams leave a quarter of the arena") {
  CHECK(share_of(128, 0) == 96);
  CHECK(share_of(128, 1) == 96);
  for (const std::size_t streams : {1u, 3u, 10u, 1000u}) {
    CHECK(share_of(128, streams) * streams + reserved_blocks(128) <= 128);
  }
  CHECK(reserved_blocks(128) == 8);
  CHECK(reserved_blocks(4) == 2);
}

TEST_CASE("the largest tail of all workers is the one to trim") {
  CHECK_FALSE(choose_tail({}));
  const std::vector<TailSurvey> nothing{{0, true}, {0, false}};
  CHECK_FALSE(choose_tail(nothing));
  const std::vector<TailSurvey> workers{{10, false}, {0, true}, {30, false}, {20, false}};
  CHECK(choose_tail(workers) == 2u);
}

TEST_CASE("only blocks that no worker needs otherwise are freed") {
  memory::Arena arena(64 * 4096, 4096);
  // 1 is held by one worker, 2 by both, and so is 3, but by one of them for its log.
  for (const memory::BlockIndex index : {1u, 2u, 2u, 3u, 3u}) arena.add_worker(index);
  const std::vector<Pinned> workers{{{1, at(1)}, {2, at(2)}, {3, at(3)}}, {{2, at(1)}}};
  CHECK(choose_pinned(arena, workers, 10) == Blocks{1, 2});
  CHECK(choose_pinned(arena, std::vector<Pinned>(2), 10).empty());
}

TEST_CASE("what was blocked longest is freed first whoever is blocked last counts") {
  memory::Arena arena(64 * 4096, 4096);
  for (const memory::BlockIndex index : {1u, 1u, 2u, 3u}) arena.add_worker(index);
  const std::vector<Pinned> workers{{{1, at(1)}, {2, at(5)}, {3, at(7)}}, {{1, at(9)}}};
  CHECK(choose_pinned(arena, workers, 10) == Blocks{2, 3, 1});
  CHECK(choose_pinned(arena, workers, 2) == Blocks{2, 3});
}

}  // namespace stream

#include "relay/memory/block_pool.hpp"

#include <doctest/doctest.h>

#include <set>
#include <vector>

#include "relay/memory/errc.hpp"

namespace memory {
namespace {

std::vector<BlockHold*> take_all(BlockPool& pool) {
  std::vector<BlockHold*> holds;
  for (;;) {
    const auto hold = pool.take();
    if (!hold.has_value()) {
      CHECK(hold.error() == make_error_code(Errc::arena_full));
      CHECK(hold.error().message() == "the arena is full");
      return holds;
    }
    holds.push_back(*hold);
  }
}

void release_all(std::vector<BlockHold*>& holds) {
  for (BlockHold* hold : holds) BlockPool::release(hold);
  holds.clear();
}

}  // namespace

TEST_CASE("an exhausted arena is an error and recovers") {
  for (const std::size_t blocks : {4u, 5u, 100u, 2000u}) {
    CAPTURE(blocks);
    Arena arena(blocks * 4096, 4096);
    BlockPool pool(arena);
    for (int round = 0; round < 3; ++round) {
      auto holds = take_all(pool);
      CHECK(holds.size() == blocks);
      CHECK(std::set<BlockHold*>(holds.begin(), holds.end()).size() == blocks);
      CHECK(pool.held_count() == blocks);
      release_all(holds);
      CHECK(pool.held_count() == 0);
      CHECK(arena.free_count() + pool.ready_count() == blocks);
    }
  }
}

TEST_CASE("a pool keeps fewer than two batches ready") {
  Arena arena(1024 * 4096, 4096);
  BlockPool pool(arena);
  auto holds = take_all(pool);
  while (!holds.empty()) {
    BlockPool::release(holds.back());
    holds.pop_back();
    CHECK(pool.ready_count() < 32);
  }
  pool.give_back_ready();
  CHECK(pool.ready_count() == 0);
  CHECK(arena.free_count() == 1024);
}

TEST_CASE("a pool takes a batch at once and then serves from it") {
  Arena arena(1024 * 4096, 4096);
  BlockPool pool(arena);
  BlockHold* first = pool.take().value();
  CHECK(arena.free_count() == 1024 - 16);
  CHECK(pool.ready_count() == 15);
  BlockHold* second = pool.take().value();
  CHECK(arena.free_count() == 1024 - 16);
  BlockPool::release(first);
  CHECK(pool.take().value() == first);  // the warm one is used next
  BlockPool::release(first);
  BlockPool::release(second);
}

TEST_CASE("a block that is held twice is released twice") {
  Arena arena(0, 4096);
  BlockPool pool(arena);
  BlockHold* hold = pool.take().value();
  BlockPool::hold(hold);
  BlockPool::release(hold);
  CHECK(pool.held_count() == 1);
  BlockPool::release(hold);
  CHECK(pool.held_count() == 0);
}

TEST_CASE("what one pool gives back another can take") {
  Arena arena(0, 4096);
  BlockPool one(arena);
  BlockPool other(arena);
  auto holds = take_all(one);
  CHECK(holds.size() == 4);
  CHECK(!other.take().has_value());
  release_all(holds);
  one.give_back_ready();
  holds = take_all(other);
  CHECK(holds.size() == 4);
  release_all(holds);
}

TEST_CASE("a pool in a small arena keeps at most one block from the others") {
  Arena arena(0, 4096);
  BlockPool one(arena);
  BlockPool other(arena);
  auto holds = take_all(one);
  release_all(holds);
  holds = take_all(other);
  CHECK(holds.size() >= 3);
  release_all(holds);
}

TEST_CASE("a pool that ends gives its ready blocks back") {
  Arena arena(1024 * 4096, 4096);
  {
    BlockPool pool(arena);
    BlockPool::release(pool.take().value());
    CHECK(arena.free_count() < 1024);
  }
  CHECK(arena.free_count() == 1024);
}

TEST_CASE("a pool adopts a block that it holds already without counting twice") {
  Arena arena(0, 4096);
  BlockPool one(arena);
  BlockPool other(arena);
  BlockHold* hold = one.take().value();
  arena.add_worker(hold->index);  // two parcels on their way
  arena.add_worker(hold->index);
  BlockHold* first = other.adopt(hold->index);
  BlockHold* second = other.adopt(hold->index);
  CHECK(first == second);
  CHECK(first != hold);
  CHECK(first->count == 2);
  CHECK(other.held_count() == 1);
  BlockPool::release(hold);
  CHECK(arena.free_count() + one.ready_count() + other.ready_count() == 3);
  BlockPool::release(first);
  BlockPool::release(second);
  CHECK(arena.free_count() + one.ready_count() + other.ready_count() == 4);
}

TEST_CASE("an account counts the blocks that were filled for it until the worker lets them go") {
  Arena arena(64 * 4096, 4096);
  BlockPool pool(arena);
  BlockPool other(arena);
  OwnedAccount account = pool.open_account();
  BlockHold* first = pool.take(account.get()).value();
  BlockHold* second = pool.take(account.get()).value();
  BlockHold* others = pool.take().value();
  CHECK(account->blocks() == 2);
  BlockPool::hold(first);
  BlockPool::release(first);
  CHECK(account->blocks() == 2);
  // Another worker goes on holding it: that is no longer this worker's.
  arena.add_worker(first->index);
  BlockHold* adopted = other.adopt(first->index);
  BlockPool::release(first);
  CHECK(account->blocks() == 1);
  BlockPool::release(adopted);
  // Blocks may outlive what they were filled for.
  account.reset();
  BlockPool::release(second);
  BlockPool::release(others);
  BlockPool::release(pool.take().value());
}

}  // namespace memory

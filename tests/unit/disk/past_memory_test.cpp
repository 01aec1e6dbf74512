#include "relay/disk/past_memory.hpp"

#include "tests/unit/disk/store_rig.hpp"

namespace disk {
namespace {

void give_back(std::vector<memory::BlockHold*>& blocks) {
  for (memory::BlockHold* block : blocks) memory::BlockPool::release(block);
  blocks.clear();
}

}  // namespace

TEST_CASE("what is read back has a budget of all workers") {
  test::StoreRig rig;  // 1 MiB
  memory::BlockPool other(rig.maker.arena);
  PastMemory mine(*rig.store, rig.maker.pool);
  PastMemory theirs(*rig.store, other);
  auto first = mine.take(600 << 10, 1);
  CHECK(first.size() == 150);
  CHECK(rig.store->past_bytes == 600 << 10);
  CHECK_FALSE(mine.room(1).is_tight);
  auto second = theirs.take(600 << 10, 1);
  CHECK(second.size() == 106);
  CHECK(theirs.room(1).is_tight);
  CHECK_FALSE(mine.take_refused());
  CHECK(mine.take(600 << 10, 1).empty());
  CHECK(mine.take_refused());
  CHECK_FALSE(mine.take_refused());
  // Not part of a chunk.
  give_back(second);
  theirs.settle(0);
  CHECK(mine.take(1 << 20, 600 << 10).empty());
  CHECK(rig.store->past_bytes == 600 << 10);
  // What is made of it counts, too.
  mine.settle(300 << 10);
  CHECK(rig.store->past_bytes == 900 << 10);
  give_back(first);
  mine.settle(0);
  CHECK(rig.store->past_bytes == 0);
}

TEST_CASE("one chunk may be more than the budget") {
  test::StoreRig rig;
  PastMemory memory(*rig.store, rig.maker.pool);
  auto blocks = memory.take(3 << 20, 3 << 20);
  CHECK(blocks.size() == 768);
  CHECK(memory.take(1, 1).empty());
  give_back(blocks);
}

TEST_CASE("the last free blocks are for what is live") {
  test::StoreRig rig;
  ::test::ChunkMaker maker(4 << 20);  // 1024 blocks, 64 of them in reserve
  PastMemory memory(*rig.store, maker.pool);
  std::vector<memory::BlockHold*> live;
  while (maker.pool.free_count() > 200) live.push_back(maker.pool.take().value());
  CHECK(memory.room(1).is_tight);
  auto blocks = memory.take(1 << 20, 1);
  CHECK(blocks.size() == 72);
  CHECK(memory.take(1, 1).empty());
  give_back(blocks);
  give_back(live);
}

}  // namespace disk

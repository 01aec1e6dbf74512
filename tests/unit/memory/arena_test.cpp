#include "relay/memory/arena.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <system_error>

namespace memory {

TEST_CASE("an arena has whole blocks and at least four") {
  CHECK(Arena(1 << 20, 65536).block_count() == 16);
  CHECK(Arena((1 << 20) + 65535, 65536).block_count() == 16);
  CHECK(Arena(0, 65536).block_count() == 4);
  const Arena arena(300000, 4096);
  CHECK(arena.block_count() == 73);
  CHECK(arena.bytes() == 73 * 4096);
  CHECK(arena.block_bytes() == 4096);
  CHECK(arena.free_count() == 73);
}

TEST_CASE("blocks are taken in batches that suit the size of the arena") {
  CHECK(Arena(0, 4096).batch() == 1);
  CHECK(Arena(127 * 4096, 4096).batch() == 1);
  CHECK(Arena(128 * 4096, 4096).batch() == 2);
  CHECK(Arena(1024 * 4096, 4096).batch() == 16);
  CHECK(Arena(100000 * 4096ul, 4096).batch() == 16);
}

TEST_CASE("every block is given out once and lies by itself") {
  Arena arena(8 * 4096, 4096);
  std::vector<BlockIndex> taken(8);
  CHECK(arena.take(std::span(taken).first(5)) == 5);
  CHECK(arena.free_count() == 3);
  CHECK(arena.take(std::span(taken).subspan(5)) == 3);
  CHECK(std::set<BlockIndex>(taken.begin(), taken.end()).size() == 8);
  CHECK(arena.take(taken) == 0);
  for (const BlockIndex index : taken) {
    std::fill_n(arena.block(index), arena.block_bytes(), static_cast<std::byte>(index));
  }
  for (const BlockIndex index : taken) {
    CHECK(std::all_of(arena.block(index), arena.block(index) + arena.block_bytes(),
                      [index](std::byte byte) { return byte == static_cast<std::byte>(index); }));
  }
  arena.give(taken);
  CHECK(arena.free_count() == 8);
  CHECK(arena.take(std::span<BlockIndex>()) == 0);
}

TEST_CASE("more is asked for than there is and what there is comes") {
  Arena arena(0, 4096);
  std::vector<BlockIndex> taken(16);
  CHECK(arena.take(taken) == 4);
  CHECK(arena.free_count() == 0);
}

TEST_CASE("a block is held until the last worker drops it") {
  Arena arena(0, 4096);
  arena.add_worker(2);
  arena.add_worker(2);
  arena.add_worker(3);
  CHECK(!arena.drop_worker(2));
  CHECK(arena.drop_worker(2));
  CHECK(arena.drop_worker(3));
}

TEST_CASE("memory that cannot be had is an exception at the start") {
  std::string message;
  try {
    const Arena arena(std::size_t{1} << 50, 16 << 20);
  } catch (const std::system_error& error) {
    message = error.what();
  }
  CHECK(message.starts_with("memory.arena (1048576GiB) cannot be had: make it smaller, or "));
}

}  // namespace memory

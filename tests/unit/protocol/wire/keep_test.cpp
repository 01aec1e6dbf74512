#include "relay/protocol/wire/keep.hpp"

#include <doctest/doctest.h>

#include "tests/unit/protocol/wire/messages.hpp"

namespace wire {
namespace {

using std::chrono::seconds;

/// A chunk a second of ten bytes, every `group`-th sync.
struct Rig {
  explicit Rig(KeepPolicy policy, std::uint64_t group_size = 3) : keep(policy), group(group_size) {}

  std::uint64_t push(std::uint64_t count, std::uint64_t acknowledged) {
    std::uint64_t lost = 0;
    for (; count > 0; --count) {
      const std::uint64_t sequence = keep.end();
      Keep::Entry entry{{}, nullptr, base::Time(seconds(sequence))};
      entry.chunk.position = {1, sequence};
      entry.chunk.sync = sequence % group == 0;
      entry.chunk.samples.emplace_back().payload = memory.put_whole("0123456789");
      keep.push(std::move(entry));
      lost += keep.trim(acknowledged, base::Time(seconds(sequence)));
    }
    return lost;
  }

  test::Memory memory;
  Keep keep;
  std::uint64_t group;
};

}  // namespace

TEST_CASE("what is acknowledged is kept by its age") {
  Rig rig({seconds(5), 1'000});
  CHECK(rig.push(20, 1'000) == 0);
  CHECK(rig.keep.first() == 14);
  CHECK(rig.keep.end() == 20);
  CHECK(rig.keep.bytes() == 60);
  CHECK(rig.keep.sync_from(0) == 15);
  CHECK(rig.keep.sync_from(16) == 18);
  CHECK(!rig.keep.sync_from(19));
}

TEST_CASE("what is not acknowledged is kept whatever its age") {
  Rig rig({seconds(5), 1'000});
  CHECK(rig.push(20, 7) == 0);
  CHECK(rig.keep.first() == 7);
}

TEST_CASE("the bytes bound everything and what is lost is counted") {
  Rig rig({seconds(5), 100});
  CHECK(rig.push(20, 7) == 3);
  CHECK(rig.keep.first() == 10);
  CHECK(rig.keep.bytes() == 100);
}

TEST_CASE("the newest group is kept whatever its age so that a relay can be filled") {
  Rig rig({seconds(5), 1'000}, 50);
  rig.push(40, 1'000);
  CHECK(rig.keep.first() == 0);
  rig.push(11, 1'000);
  CHECK(rig.keep.end() == 51);
  CHECK(rig.keep.first() == 45);
}

TEST_CASE("chunks are bounded in number") {
  Rig rig({std::chrono::hours(1'000), 1'000'000'000}, 1'000'000);
  CHECK(rig.push(Keep::chunks_max + 5, 0) == 5);
  CHECK(rig.keep.first() == 5);
}

}  // namespace wire

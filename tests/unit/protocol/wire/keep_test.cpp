#include "relay/protocol/wire/keep.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <deque>
#include <string>

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

namespace {

/// A spill of so many bytes in memory.
struct MemorySpill : Spill {
  std::deque<std::string> records;
  std::size_t bytes = 0;
  std::size_t bytes_max = 1'000'000;
  test::Memory* memory = nullptr;
  bool is_broken = false;

  bool push(const memory::WindowList& payload) override {
    if (bytes + payload.bytes() > bytes_max) return false;
    records.push_back(test::text_of(payload));
    bytes += payload.bytes();
    return true;
  }
  void pop() override {
    bytes -= records.front().size();
    records.pop_front();
  }
  base::Result<memory::WindowList> read(std::size_t index) override {
    if (is_broken) return base::Error(EIO, boost::system::system_category());
    return memory->put_whole(records.at(index));
  }
};

struct SpillRig : Rig {
  explicit SpillRig(KeepPolicy policy) : Rig(policy) {
    spill.memory = &memory;
    keep = Keep(policy, &spill);
  }
  std::string payload(std::uint64_t sequence) {
    std::string text;
    const auto chunk = keep.load(sequence);
    for (const media::Sample& sample : chunk.value().samples) text += test::text_of(sample.payload);
    return text;
  }
  MemorySpill spill;
};

}  // namespace

TEST_CASE("what memory has no room for is spilled and comes back") {
  SpillRig rig({seconds(5), 100});
  CHECK(rig.push(30, 7) == 0);
  CHECK(rig.keep.first() == 7);
  CHECK(rig.keep.bytes() == 100);
  CHECK(rig.keep.spilled() == 13);
  CHECK(rig.keep.is_spilled(19));
  CHECK_FALSE(rig.keep.is_spilled(20));
  for (std::uint64_t sequence = 7; sequence < 30; ++sequence) {
    CHECK(rig.payload(sequence) == "0123456789");
  }
  // Acknowledged, it goes by its age like everything else.
  CHECK(rig.push(1, 25) == 0);
  CHECK(rig.keep.first() == 25);
  CHECK(rig.keep.spilled() == 0);
  CHECK(rig.spill.records.empty());
}

TEST_CASE("a full spill loses the oldest") {
  SpillRig rig({seconds(5), 100});
  rig.spill.bytes_max = 50;
  CHECK(rig.push(30, 7) == 8);
  CHECK(rig.keep.first() == 15);
  CHECK(rig.keep.spilled() == 5);
  CHECK(rig.payload(15) == "0123456789");
}

TEST_CASE("a spill that cannot be read is given up with what is in it") {
  SpillRig rig({seconds(5), 100});
  CHECK(rig.push(30, 7) == 0);
  rig.spill.is_broken = true;
  CHECK_FALSE(rig.keep.load(7).has_value());
  CHECK(rig.keep.load(25).has_value());
  CHECK(rig.keep.lose_spilled(7) == 13);
  CHECK(rig.keep.first() == 20);
  CHECK(rig.keep.bytes() == 100);
  CHECK(rig.spill.records.empty());
}

}  // namespace wire

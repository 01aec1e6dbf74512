#include "relay/disk/keeper.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/unit/disk/store_rig.hpp"

namespace disk {
namespace {

using namespace std::chrono_literals;
using test::noon;
using test::StoreRig;
using test::value;

std::vector<Segment> record(StoreRig& rig, std::size_t count,
                            const std::string& stream = "live/cam") {
  std::vector<Segment> segments;
  for (std::uint64_t n = 0; n < count; ++n) {
    segments.push_back(
        rig.record({.stream = stream, .first = n * 10, .chunks = 10, .start = noon + n * 1s}));
  }
  return segments;
}

std::size_t files(const StoreRig& rig, const std::vector<Segment>& segments) {
  std::size_t count = 0;
  for (const Segment& segment : segments) count += std::filesystem::exists(rig.file_of(segment));
  return count;
}

Keeper::PolicyOf keep(KeepPolicy policy) {
  return [policy](const std::string&) { return policy; };
}

constexpr std::uint64_t everything = std::numeric_limits<std::uint64_t>::max();

}  // namespace

TEST_CASE("without a limit everything is kept") {
  StoreRig rig;
  const auto segments = record(rig, 5);
  Keeper keeper(*rig.store, keep({}));
  CHECK(!keeper.run(noon + 24h));
  CHECK(files(rig, segments) == 5);
}

TEST_CASE("what ended longer ago than it is to be kept goes with its folders") {
  StoreRig rig;
  const auto segments = record(rig, 5);
  Keeper keeper(*rig.store, keep({.age = 10s}));
  CHECK(!keeper.run(noon + 12s + 500ms));
  CHECK(files(rig, segments) == 3);
  CHECK(rig.read_from(noon) == "E20(not_kept)-49");
  CHECK(value(rig.store->catalog().sums()).front().segments == 3);
  keeper.run(noon + 1h);
  CHECK(files(rig, segments) == 0);
  CHECK(!std::filesystem::exists(rig.folder.path() / "live"));
  CHECK(rig.read_from(noon) == "");
}

TEST_CASE("each stream has its own most bytes and the oldest go") {
  StoreRig rig;
  const auto segments = record(rig, 5);
  const auto others = record(rig, 5, "other");
  Keeper keeper(*rig.store, [&](const std::string& stream) {
    KeepPolicy policy;
    if (stream == "other") policy.bytes = others[3].bytes + others[4].bytes;
    return policy;
  });
  keeper.run(noon);
  CHECK(files(rig, segments) == 5);
  CHECK(files(rig, others) == 2);
  CHECK(std::filesystem::exists(rig.file_of(others[4])));
}

TEST_CASE("while too little is free the oldest of the streams that give way go") {
  StoreRig rig;
  const auto kept = record(rig, 3, "kept");
  const auto segments = record(rig, 3);
  Keeper keeper(*rig.store, [](const std::string& stream) {
    return KeepPolicy{.free_bytes = stream == "kept" ? 0 : everything};
  });
  CHECK(!keeper.run(noon));
  CHECK(files(rig, kept) == 3);
  CHECK(files(rig, segments) == 0);
  Keeper content(*rig.store, keep({.free_bytes = 1}));
  content.run(noon);
  CHECK(files(rig, kept) == 3);
}

TEST_CASE("a run removes a few files and says that there are more") {
  StoreRig rig;
  const auto segments = record(rig, Keeper::removed_max + 3);
  Keeper keeper(*rig.store, keep({.age = 1s}));
  CHECK(keeper.run(noon + 1h));
  CHECK(keeper.removed().files == Keeper::removed_max);
  CHECK(files(rig, segments) == 3);
  CHECK(!std::filesystem::exists(rig.file_of(segments.front())));
  CHECK(!keeper.run(noon + 1h));
  CHECK(files(rig, segments) == 0);
}

TEST_CASE("what is read or written stays and what follows it too unless the disk runs full") {
  StoreRig rig;
  const auto segments = record(rig, 4);
  const SegmentTable open = rig.record_open({.first = 40, .start = noon + 4s});
  rig.store->hold(segments[1].id);
  Keeper keeper(*rig.store, keep({.age = 1s}));
  keeper.run(noon + 1h);
  CHECK(files(rig, segments) == 3);
  Keeper desperate(*rig.store, keep({.free_bytes = everything}));
  desperate.run(noon);
  CHECK(files(rig, segments) == 1);
  CHECK(std::filesystem::exists(rig.file_of(segments[1])));
  CHECK(std::filesystem::exists(rig.file_of(open.segment)));
  rig.store->release(segments[1].id);
  keeper.run(noon + 1h);
  CHECK(files(rig, segments) == 0);
  CHECK(std::filesystem::exists(rig.file_of(open.segment)));
}

TEST_CASE("what the catalog has without a file is removed from it") {
  StoreRig rig;
  const auto segments = record(rig, 2);
  std::filesystem::remove(rig.file_of(segments[0]));
  Keeper keeper(*rig.store, keep({.age = 1s}));
  keeper.run(noon + 1h);
  CHECK(value(rig.store->catalog().sums()).empty());
}

}  // namespace disk

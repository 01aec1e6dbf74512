#include "relay/stream/place.hpp"

#include "tests/unit/stream/chunk_maker.hpp"

namespace stream {
namespace {

using wire::GapReason;
using wire::Position;

/// A log of chunks that have images, unless it is said that they have none.
struct Rig {
  void append(Position position, bool sync = false, bool has_image = true,
              GapReason gap = GapReason::unspecified) {
    Chunk chunk = maker.make(log.end(), {sync, has_image ? 10u : 0u});
    chunk.position = position;
    chunk.gap = gap;
    chunk.utc = base::Utc(std::chrono::seconds(position.sequence));
    log.append(std::move(chunk));
  }
  /// Every fourth is a sync chunk.
  void append(std::uint64_t epoch, std::uint64_t begin, std::uint64_t end) {
    for (; begin < end; ++begin) append({epoch, begin}, begin % 4 == 0);
  }
  void check(const wire::Start& start, std::optional<std::uint64_t> sequence,
             GapReason reason = GapReason::unspecified) {
    const Place place = find_place(log, start);
    CHECK(place.sequence == sequence);
    if (sequence) CHECK(place.reason == reason);
  }

  test::ChunkMaker maker;
  StreamLog log{{std::chrono::seconds(1000), 1 << 30}, 50};
};

}  // namespace

TEST_CASE("in an empty log there is no place") {
  Rig rig;
  rig.check(wire::Live{}, std::nullopt);
  rig.check(base::Utc{}, std::nullopt);
  rig.check(Position{1, 0}, std::nullopt);
}

TEST_CASE("live is the newest sync chunk") {
  Rig rig;
  rig.append(1, 1, 4);
  rig.check(wire::Live{}, std::nullopt);
  rig.append(1, 4, 11);
  rig.check(wire::Live{}, 57);
}

TEST_CASE("who comes from before a restart is told so") {
  Rig rig;
  rig.append({1, 1'000}, true, true, GapReason::restart);
  rig.append(1, 1'001, 1'010);
  rig.check(Position{1, 20}, 50, GapReason::restart);
  rig.check(Position{1, 999}, 50, GapReason::restart);
  rig.check(Position{1, 1'000}, 50);
  rig.check(Position{2, 20}, 50, GapReason::publisher);
}

TEST_CASE("a position is that chunk and nothing else") {
  Rig rig;
  rig.append(1, 100, 120);
  for (std::uint64_t number = 100; number < 120; ++number) {
    rig.check(Position{1, number}, number - 50);
  }
  rig.check(Position{1, 120}, std::nullopt);
  rig.check(Position{1, wire::sequence_max}, std::nullopt);
}

TEST_CASE("exactly a position is there or not") {
  Rig rig;
  CHECK_FALSE(find_exactly(rig.log, {1, 100}));
  rig.append(1, 100, 110);
  rig.append(1, 115, 120);
  rig.append(2, 3, 6);
  rig.append({2, 6}, false, false);
  CHECK(find_exactly(rig.log, {1, 100}) == 50);
  CHECK(find_exactly(rig.log, {1, 109}) == 59);
  CHECK_FALSE(find_exactly(rig.log, {1, 110}));
  CHECK(find_exactly(rig.log, {1, 116}) == 61);
  CHECK(find_exactly(rig.log, {2, 4}) == 66);
  CHECK(find_exactly(rig.log, {2, 6}) == 68);
  CHECK_FALSE(find_exactly(rig.log, {2, 7}));
}

TEST_CASE("before all that is kept the oldest sync chunk stands in") {
  Rig rig;
  rig.append(1, 101, 120);
  rig.check(Position{1, 100}, 53, GapReason::tail);
  rig.check(Position{1, 0}, 53, GapReason::tail);
  // Of its own epoch, if that is there.
  rig.append(2, 30, 40);
  rig.check(Position{2, 3}, 71, GapReason::tail);
}

TEST_CASE("an epoch that is not there is another publisher") {
  Rig rig;
  rig.append(1, 101, 120);
  rig.check(Position{7, 3}, 53, GapReason::publisher);
  rig.append(2, 30, 31);
  rig.check(Position{7, 3}, 53, GapReason::publisher);
}

TEST_CASE("what was left out is followed by a sync chunk") {
  Rig rig;
  rig.append(1, 0, 6);
  rig.append(1, 9, 14);
  rig.check(Position{1, 7}, 59, GapReason::lost);
  rig.check(Position{1, 8}, 59, GapReason::lost);
  rig.check(Position{1, 9}, 56);
  rig.check(Position{1, 5}, 55);
}

TEST_CASE("what follows an epoch stands in for what it never had") {
  Rig rig;
  rig.append(1, 0, 3);
  rig.append(2, 0, 3);
  rig.check(Position{1, 3}, 53, GapReason::publisher);
  rig.check(Position{1, 90}, 53, GapReason::publisher);
  rig.check(Position{1, 2}, 52);
  rig.check(Position{2, 3}, std::nullopt);
  rig.append(1, 5, 10);
  rig.check(Position{1, 4}, 53, GapReason::publisher);
  rig.check(Position{1, 5}, 56);
  rig.check(Position{1, 2}, 52);
  rig.check(Position{1, 12}, std::nullopt);
  rig.check(Position{2, 4}, 59, GapReason::publisher);
}

TEST_CASE("nobody is sent back by a publisher that repeats itself") {
  Rig rig;
  rig.append(1, 0, 10);
  rig.append(2, 1, 3);
  rig.append(1, 4, 8);
  rig.check(Position{1, 5}, 63);            // the newer one
  rig.check(Position{1, 9}, std::nullopt);  // comes again
  rig.check(Position{1, 10}, std::nullopt);
  rig.append(1, 8, 11);
  rig.check(Position{1, 9}, 67);
  rig.check(Position{1, 10}, 68);
}

TEST_CASE("a chunk without an image is missing") {
  Rig rig;
  rig.append(1, 0, 3);
  rig.append({1, 3}, false, false);
  rig.append({1, 4}, false, false);
  rig.check(Position{1, 3}, std::nullopt);
  rig.append(1, 5, 10);
  rig.check(Position{1, 3}, 58, GapReason::lost);
  rig.check(Position{1, 4}, 58, GapReason::lost);
  rig.check(Position{1, 5}, 55);
}

TEST_CASE("a UTC is the last sync chunk not after it or else the oldest") {
  Rig rig;
  rig.append(1, 101, 120);
  const auto at = [](std::int64_t seconds) { return base::Utc(std::chrono::seconds(seconds)); };
  rig.check(at(50), 53);
  rig.check(at(104), 53);
  rig.check(at(107), 53);
  rig.check(at(108), 57);
  rig.check(at(9999), 65);
}

}  // namespace stream

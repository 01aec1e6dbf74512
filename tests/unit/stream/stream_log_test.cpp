#include "relay/stream/stream_log.hpp"

#include "tests/unit/stream/chunk_maker.hpp"

namespace stream {
namespace {

using std::chrono::milliseconds;

struct Log {
  explicit Log(const TailPolicy& policy, std::uint64_t first = 0) : log(policy, first) {}

  void append(bool sync, std::size_t bytes = 100) {
    log.append(maker.make(log.end(), {sync, bytes, 4096, milliseconds(40) * count++}));
    log.trim();
  }
  test::ChunkMaker maker;
  int count = 0;
  StreamLog log;
};

constexpr std::uint64_t unbounded = 1 << 30;

}  // namespace

TEST_CASE("a log numbers on from where it begins") {
  Log rig({std::chrono::seconds(1), unbounded}, 42);
  CHECK(rig.log.empty());
  CHECK(rig.log.first() == 42);
  CHECK(rig.log.end() == 42);
  CHECK(rig.log.length() == 0);
  CHECK_FALSE(rig.log.newest_sync());
  CHECK_FALSE(rig.log.oldest_sync());
  rig.append(false);
  rig.append(true);
  CHECK(rig.log.end() == 44);
  CHECK(rig.log.at(42).sequence == 42);
  CHECK(rig.log.newest().sequence == 43);
  CHECK(rig.log.newest_sync() == 43);
  CHECK(rig.log.bytes() == 200);
  CHECK(rig.log.length() == 3600);
}

TEST_CASE("by time the oldest chunks go one by one") {
  Log rig({milliseconds(200), unbounded});
  for (int count = 0; count < 100; ++count) {
    rig.append(true);
    CHECK(to_duration(rig.log.length()) <= milliseconds(200));
    CHECK(rig.log.newest_sync() == rig.log.end() - 1);
    CHECK(rig.log.oldest_sync() == rig.log.first());
    CHECK(rig.log.bytes() == 100 * (rig.log.end() - rig.log.first()));
  }
  CHECK(rig.log.end() - rig.log.first() == 6);
  CHECK(rig.log.first() == 94);
}

TEST_CASE("by time the newest keyframe group stays whole however long it is") {
  Log rig({milliseconds(200), unbounded});
  for (int count = 0; count < 10; ++count) rig.append(count == 0);
  CHECK(rig.log.first() == 0);
  CHECK(rig.log.length() == 9 * 3600);
  rig.append(true);
  // A newer group: of the older one only what the time allows.
  CHECK(rig.log.first() == 5);
  CHECK(rig.log.newest_sync() == 10);
  CHECK(rig.log.oldest_sync() == 10);
}

TEST_CASE("without any sync chunk time is the only bound") {
  Log rig({milliseconds(200), unbounded});
  for (int count = 0; count < 20; ++count) rig.append(false);
  CHECK(rig.log.end() - rig.log.first() == 6);
}

TEST_CASE("by bytes the oldest goes even out of the newest group") {
  Log rig({std::chrono::seconds(10), 1000});
  rig.append(true, 300);
  for (int count = 0; count < 20; ++count) {
    rig.append(false, 300);
    CHECK(rig.log.bytes() <= 1000);
  }
  CHECK_FALSE(rig.log.newest_sync());
  CHECK_FALSE(rig.log.oldest_sync());
  CHECK(rig.log.end() - rig.log.first() == 3);
  rig.append(true, 300);
  CHECK(rig.log.newest_sync() == rig.log.end() - 1);
}

TEST_CASE("what a chunk keeps besides its payload counts against the bytes") {
  Log rig({std::chrono::seconds(10), 1000});
  auto chunk = rig.maker.make(0, {.sync = true, .bytes = 100, .join = true});
  chunk.overhead_bytes = 300;
  CHECK(chunk.held_bytes() == 411);
  rig.log.append(std::move(chunk));
  CHECK(rig.log.bytes() == 100);
  CHECK(rig.log.held_bytes() == 411);
  rig.append(false, 500);
  CHECK(rig.log.end() - rig.log.first() == 2);
  rig.append(false, 100);
  CHECK(rig.log.end() - rig.log.first() == 2);
  CHECK(rig.log.held_bytes() == 600);
}

TEST_CASE("one chunk stays however large it is") {
  Log rig({milliseconds(1), 1000});
  rig.append(true, 50);
  rig.append(true, 5000);
  CHECK(rig.log.end() - rig.log.first() == 1);
  CHECK(rig.log.bytes() == 5000);
  rig.append(false, 10);
  CHECK(rig.log.end() - rig.log.first() == 1);
  CHECK(rig.log.bytes() == 10);
}

TEST_CASE("chunks of next to no bytes are bounded in number") {
  Log rig({std::chrono::hours(1), 1000});
  rig.append(true, 0);
  for (std::size_t index = 0; index < StreamLog::chunks_least; ++index) rig.append(false, 0);
  CHECK(rig.log.end() - rig.log.first() == StreamLog::chunks_least);
  CHECK_FALSE(rig.log.newest_sync());
}

TEST_CASE("under pressure everything before the newest sync chunk goes") {
  Log rig({std::chrono::seconds(10), unbounded});
  for (int count = 0; count < 13; ++count) rig.append(count % 5 == 0);
  rig.log.trim_to_newest_group();
  CHECK(rig.log.first() == 10);
  CHECK(rig.log.end() == 13);
  CHECK(rig.log.oldest_sync() == 10);
  CHECK(rig.log.bytes() == 300);
  rig.log.trim_to_newest_group();
  CHECK(rig.log.first() == 10);

  Log without_sync({std::chrono::seconds(10), unbounded});
  without_sync.append(false);
  without_sync.log.trim_to_newest_group();
  CHECK(without_sync.log.end() == 1);
  CHECK(without_sync.log.first() == 0);
}

TEST_CASE("a restarted log lets everything go and numbers on from there") {
  Log rig({std::chrono::seconds(10), unbounded});
  for (int count = 0; count < 5; ++count) rig.append(true, 5000);
  rig.maker.writer.let_go();
  CHECK(rig.maker.pool.held_count() > 0);
  rig.log.restart(100);
  CHECK(rig.maker.pool.held_count() == 0);
  CHECK(rig.log.empty());
  CHECK(rig.log.first() == 100);
  CHECK(rig.log.bytes() == 0);
  CHECK_FALSE(rig.log.newest_sync());
  rig.append(true);
  CHECK(rig.log.newest_sync() == 100);
}

TEST_CASE("what chunks are called is known after they were dropped") {
  Log rig({std::chrono::seconds(10), unbounded});
  const auto append = [&rig](wire::Position position) {
    Chunk chunk = rig.maker.make(rig.log.end(), {true});
    chunk.position = position;
    rig.log.append(std::move(chunk));
  };
  using wire::Position;
  CHECK_FALSE(rig.log.position_of(0));
  for (std::uint64_t number = 100; number < 110; ++number) append({'E', number});
  for (std::uint64_t number = 7; number < 9; ++number) append({'F', number});
  rig.log.drop_before(11);
  CHECK(rig.log.position_of(0) == Position{'E', 100});
  CHECK(rig.log.position_of(9) == Position{'E', 109});
  CHECK(rig.log.position_of(10) == Position{'F', 7});
  CHECK(rig.log.position_of(11) == Position{'F', 8});
  CHECK(rig.log.position_of(12) == Position{'F', 9});  // to come
  // A log that begins anew further on has not got what is between: it would have followed.
  rig.log.restart(20);
  CHECK(rig.log.position_of(11) == Position{'F', 8});
  CHECK(rig.log.position_of(15) == Position{'F', 9});
  append({'F', 16});
  CHECK(rig.log.position_of(15) == Position{'F', 9});
  CHECK(rig.log.position_of(20) == Position{'F', 16});
  rig.log.drop_before(21);
  CHECK(rig.log.position_of(20) == Position{'F', 16});
  CHECK(rig.log.position_of(9) == Position{'E', 109});
}

TEST_CASE("what dropped chunks are called is known of the last runs of positions") {
  Log rig({std::chrono::seconds(10), unbounded});
  const std::size_t chunks = StreamLog::dropped_runs_max + 10;
  for (std::uint64_t number = 0; number < chunks; ++number) {
    Chunk chunk = rig.maker.make(rig.log.end(), {true});
    chunk.position = {'E', 3 * number};
    rig.log.append(std::move(chunk));
  }
  rig.log.drop_before(chunks);
  CHECK_FALSE(rig.log.position_of(9));
  CHECK(rig.log.position_of(10) == wire::Position{'E', 30});
  CHECK(rig.log.position_of(chunks - 1) == wire::Position{'E', 3 * (chunks - 1)});
}

TEST_CASE("what is dropped gives its blocks back") {
  Log rig({std::chrono::seconds(10), 64 * 1024});
  for (int count = 0; count < 500; ++count) rig.append(count % 10 == 0, 4000);
  CHECK(rig.maker.pool.held_count() <= 20);
}

}  // namespace stream

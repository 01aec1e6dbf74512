#include "relay/stream/lag_policy.hpp"

#include "tests/unit/stream/chunk_maker.hpp"

namespace stream {
namespace {

using std::chrono::milliseconds;

struct Case {
  const char* name;
  std::uint64_t sequence;
  LagAction skip;
  LagAction catch_up;
  LagAction disconnect;
};

// Chunks 10 to 29, 100 ms each; sync chunks where `syncs` says.
StreamLog make_log(test::ChunkMaker& maker, std::initializer_list<std::uint64_t> syncs) {
  StreamLog log({std::chrono::seconds(100), 1 << 30}, 10);
  for (std::uint64_t sequence = 10; sequence < 30; ++sequence) {
    const bool sync = std::find(syncs.begin(), syncs.end(), sequence) != syncs.end();
    log.append(maker.make(sequence, {sync, 10, 4096, milliseconds(100 * sequence)}));
  }
  return log;
}

}  // namespace

TEST_CASE("what happens to a lagging cursor follows from the log alone") {
  test::ChunkMaker maker;
  const StreamLog log = make_log(maker, {12, 20});
  using enum LagAction;
  const Case cases[] = {
      {"at the newest chunk", 29, stay, stay, stay},
      {"in the newest group, late", 21, stay, stay, stay},
      {"at the newest sync chunk", 20, stay, stay, stay},
      {"before it, late", 19, jump, stay, disconnect},
      {"at the oldest chunk", 10, jump, stay, disconnect},
      {"fallen out of the tail", 9, jump, jump, disconnect},
  };
  for (const Case& row : cases) {
    CAPTURE(row.name);
    const auto skip = decide(log, row.sequence, SlowPolicy::skip, milliseconds(500));
    CHECK(skip.action == row.skip);
    if (row.skip == jump) CHECK(skip.sequence == 20);
    CHECK(skip.reason == (row.sequence < 10 ? SkipReason::tail : SkipReason::lag));
    const auto catch_up = decide(log, row.sequence, SlowPolicy::catch_up, milliseconds(500));
    CHECK(catch_up.action == row.catch_up);
    if (row.catch_up == jump) {
      CHECK(catch_up.sequence == 12);
      CHECK(catch_up.reason == SkipReason::tail);
    }
    CHECK(decide(log, row.sequence, SlowPolicy::disconnect, milliseconds(500)).action ==
          row.disconnect);
  }
}

TEST_CASE("a cursor inside a frame finishes it before it is moved") {
  test::ChunkMaker maker;
  StreamLog log({std::chrono::seconds(100), 1 << 30}, 10);
  for (std::uint64_t sequence = 10; sequence < 30; ++sequence) {
    Chunk chunk = maker.make(sequence, {sequence == 20, 10, 4096, milliseconds(100 * sequence)});
    chunk.continues_frame = sequence == 15;
    log.append(std::move(chunk));
  }
  for (const SlowPolicy slow : {SlowPolicy::skip, SlowPolicy::disconnect}) {
    CHECK(decide(log, 14, slow, milliseconds(500)).action != LagAction::stay);
    CHECK(decide(log, 15, slow, milliseconds(500)).action == LagAction::stay);
    CHECK(decide(log, 16, slow, milliseconds(500)).action != LagAction::stay);
  }
}

TEST_CASE("a lag counts from the clock and not from what was sent ahead of it") {
  test::ChunkMaker maker;
  StreamLog log({std::chrono::seconds(100), 1 << 30}, 10);
  for (std::uint64_t sequence = 10; sequence < 30; ++sequence) {
    Chunk chunk =
        maker.make(sequence, {sequence % 10 == 0, 10, 4096, milliseconds(100 * sequence)});
    chunk.ahead = to_media_time(milliseconds(1500));
    log.append(std::move(chunk));
  }
  CHECK(decide(log, 14, SlowPolicy::skip, milliseconds(500)).action == LagAction::stay);
  CHECK(decide(log, 11, SlowPolicy::skip, milliseconds(200)).action == LagAction::jump);
}

TEST_CASE("in the past nobody lags and who falls out may go elsewhere") {
  test::ChunkMaker maker;
  StreamLog log({std::chrono::seconds(100), 1 << 30}, 10, true);
  for (std::uint64_t sequence = 10; sequence < 30; ++sequence) {
    log.append(maker.make(sequence, {sequence % 5 == 0, 10, 4096, milliseconds(100 * sequence)}));
  }
  for (const auto slow : {SlowPolicy::skip, SlowPolicy::catch_up, SlowPolicy::disconnect}) {
    CHECK(decide(log, 10, slow, {}).action == LagAction::stay);
    CHECK(decide(log, 29, slow, {}).action == LagAction::stay);
    const auto decision = decide(log, 9, slow, {});
    CHECK(decision.action == LagAction::jump);
    CHECK(decision.may_leave);
  }
  const StreamLog live = make_log(maker, {12, 20});
  CHECK(decide(live, 9, SlowPolicy::catch_up, {}).may_leave);
  CHECK_FALSE(decide(live, 9, SlowPolicy::skip, {}).may_leave);
}

TEST_CASE("a lag up to the limit is none") {
  test::ChunkMaker maker;
  const StreamLog log = make_log(maker, {12, 25});
  CHECK(decide(log, 24, SlowPolicy::skip, milliseconds(500)).action == LagAction::stay);
  CHECK(decide(log, 23, SlowPolicy::skip, milliseconds(500)).action == LagAction::jump);
  CHECK(decide(log, 24, SlowPolicy::disconnect, milliseconds(500)).action == LagAction::stay);
  CHECK(decide(log, 23, SlowPolicy::disconnect, milliseconds(500)).action == LagAction::disconnect);
}

TEST_CASE("a viewer that begins at an old keyframe is not too slow") {
  // A group longer than the lag allowed: it was put there and had no time to fall behind.
  test::ChunkMaker maker;
  const StreamLog log = make_log(maker, {10});
  for (const auto slow : {SlowPolicy::skip, SlowPolicy::disconnect}) {
    CHECK(decide(log, 10, slow, milliseconds(500)).action == LagAction::stay);
    CHECK(decide(log, 15, slow, milliseconds(500)).action == LagAction::stay);
  }
}

TEST_CASE("out of a tail without sync chunks the next one that comes is waited for") {
  test::ChunkMaker maker;
  const StreamLog log = make_log(maker, {});
  for (const auto slow : {SlowPolicy::skip, SlowPolicy::catch_up}) {
    const auto decision = decide(log, 3, slow, milliseconds(500));
    CHECK(decision.action == LagAction::jump);
    CHECK_FALSE(decision.sequence);
    CHECK(decision.reason == SkipReason::tail);
    CHECK(decide(log, 11, slow, milliseconds(500)).action == LagAction::stay);
  }
}

}  // namespace stream

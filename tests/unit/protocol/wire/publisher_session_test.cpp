#include "relay/protocol/wire/publisher_session.hpp"

#include <doctest/doctest.h>

#include "tests/unit/protocol/wire/messages.hpp"

namespace wire {
namespace {

using test::epoch;
using test::expect;
using test::Memory;

struct Rig {
  Rig() { test_hello = {"live/cam", {}, epoch, test::make_tracks(), 3, 3, 10}; }

  void send(const Message& message) {
    session.on_message(read_message(memory.put_whole(test::flat(write_message(message)))), now);
  }
  /// Hello and its answer; what the log has ends at `end`, and goes on there or at `from`.
  std::uint64_t join(std::optional<Position> end = {}, std::optional<std::uint64_t> from = {}) {
    send(test_hello);
    CHECK(expect<PublisherSession::Join>(session).hello.epoch == epoch);
    std::optional<Kept> kept;
    if (end) kept = Kept{*end, from.value_or(end->sequence)};
    session.accept("fresh", kept);
    return test::expect_sent<Welcome>(memory, session).next_sequence;
  }
  void join_at(std::uint64_t sequence) {
    REQUIRE(join(Position{epoch, sequence}) == sequence);
    expect<PublisherSession::Announce>(session);
  }
  Chunk chunk(std::uint64_t sequence) { return test::make_chunk(memory, {epoch, sequence}); }
  void append(std::uint64_t sequence) {
    send(chunk(sequence));
    CHECK(expect<PublisherSession::Append>(session).chunk.position == Position{epoch, sequence});
  }
  void expect_bye(ByeReason reason) {
    if (session.is_closed() && session.expected().epoch != 0) {
      test::expect_sent<Ack>(memory, session);
    }
    test::expect_bye(memory, session, reason);
  }

  Memory memory;
  base::Time now{std::chrono::hours(1)};
  PublisherSession session{"live/cam", now};
  Hello test_hello;
};

constexpr std::chrono::milliseconds ms{1};

}  // namespace

TEST_CASE("a new stream begins at the first sync chunk that is kept") {
  Rig rig;
  rig.test_hello.sync_sequence = 5;
  CHECK(rig.join() == 5);
  CHECK(expect<PublisherSession::Announce>(rig.session).tracks == test::make_tracks());
  CHECK(!rig.session.poll());
  CHECK(rig.session.token() == "fresh");
  rig.append(5);
  CHECK(!rig.session.poll());
}

TEST_CASE("a publisher has something to say in every chunk") {
  Rig rig;
  rig.join_at(5);
  Chunk chunk = rig.chunk(5);
  chunk.samples.clear();
  chunk.checksum = 0;
  rig.send(chunk);
  rig.expect_bye(ByeReason::bad_message);
}

TEST_CASE("a log of another epoch does not matter") {
  Rig rig;
  CHECK(rig.join(Position{epoch + 1, 8}) == 3);
}

TEST_CASE("a log goes on behind its last chunk") {
  for (const std::uint64_t end : {3u, 7u, 10u}) {
    Rig rig;
    rig.join_at(end);
    rig.append(end);
  }
}

TEST_CASE("a log goes on behind its last chunk even if no sync chunk is kept before it") {
  Rig rig;
  rig.test_hello.sync_sequence = 9;
  rig.join_at(5);
}

TEST_CASE("what is kept no more is lost and named") {
  Rig rig;
  rig.test_hello.sync_sequence = 4;
  CHECK(rig.join(Position{epoch, 2}) == 4);
  const Gap gap = expect<PublisherSession::Lose>(rig.session).gap;
  CHECK(gap.from == Position{epoch, 2});
  CHECK(gap.to == Position{epoch, 4});
  CHECK(gap.reason == GapReason::lost);
  CHECK(rig.session.counters().gaps == 1);
}

TEST_CASE("a log that only the disk has goes on at its last sync chunk") {
  Rig rig;
  CHECK(rig.join(Position{epoch, 8}, 5) == 5);
  expect<PublisherSession::Announce>(rig.session);
  rig.append(5);
  CHECK(rig.session.counters().gaps == 0);
}

TEST_CASE("where that is not kept any more it goes on at the first sync chunk that is") {
  Rig rig;
  rig.test_hello.first_sequence = 6;
  rig.test_hello.sync_sequence = 8;
  SUBCASE("which may be the very next") {
    CHECK(rig.join(Position{epoch, 8}, 5) == 8);
    expect<PublisherSession::Announce>(rig.session);
    CHECK(rig.session.counters().gaps == 0);
  }
  SUBCASE("or leave a gap behind what is recorded") {
    CHECK(rig.join(Position{epoch, 7}, 5) == 8);
    CHECK(expect<PublisherSession::Lose>(rig.session).gap.from == Position{epoch, 7});
  }
}

TEST_CASE("a log that is ahead of its publisher refuses it") {
  Rig rig;
  rig.send(rig.test_hello);
  expect<PublisherSession::Join>(rig.session);
  rig.session.accept("fresh", Kept{{epoch, 11}, 9});
  test::expect_bye(rig.memory, rig.session, ByeReason::bad_sequence);
}

TEST_CASE("a token that is shown stays unless another is given") {
  Rig rig;
  rig.test_hello.token = "mine";
  rig.send(rig.test_hello);
  expect<PublisherSession::Join>(rig.session);
  SUBCASE("stays") {
    rig.session.accept({}, {});
    CHECK(test::expect_sent<Welcome>(rig.memory, rig.session).token == "mine");
    CHECK(rig.session.token() == "mine");
  }
  SUBCASE("is replaced") {
    rig.session.accept("fresh", {});
    CHECK(test::expect_sent<Welcome>(rig.memory, rig.session).token == "fresh");
    CHECK(rig.session.token() == "fresh");
  }
}

TEST_CASE("a publisher can be refused with a time to come back") {
  Rig rig;
  rig.send(rig.test_hello);
  expect<PublisherSession::Join>(rig.session);
  rig.session.refuse(ByeReason::in_use, Milliseconds(1234), "taken");
  const Bye bye = test::expect_sent<Bye>(rig.memory, rig.session);
  CHECK(bye.reason == ByeReason::in_use);
  CHECK(bye.retry_after == Milliseconds(1234));
  CHECK(bye.detail == "taken");
  CHECK(expect<Close>(rig.session).reason == ByeReason::in_use);
  rig.send(rig.test_hello);  // after the end nothing counts
  CHECK(!rig.session.poll());
  rig.session.accept("fresh", {});
  CHECK(!rig.session.poll());
}

TEST_CASE("chunks are acknowledged within 250 ms of the first") {
  Rig rig;
  rig.join_at(3);
  CHECK(!rig.session.deadline());
  rig.append(3);
  CHECK(rig.session.deadline() == rig.now + 250 * ms);
  rig.now += 200 * ms;
  rig.append(4);
  rig.session.on_time(rig.now);
  CHECK(!rig.session.poll());
  rig.now += 50 * ms;
  rig.session.on_time(rig.now);
  const Ack ack = test::expect_sent<Ack>(rig.memory, rig.session);
  CHECK(ack.received == Position{epoch, 5});
  CHECK(ack.durable == Position{epoch, 0});
  CHECK(!rig.session.deadline());
}

TEST_CASE("what is on disk is acknowledged too") {
  Rig rig;
  rig.join_at(3);
  rig.session.on_durable(2, rig.now);
  REQUIRE(rig.session.deadline());
  rig.session.on_time(*rig.session.deadline());
  CHECK(test::expect_sent<Ack>(rig.memory, rig.session).durable == Position{epoch, 2});
  rig.session.on_durable(2, rig.now);
  CHECK(!rig.session.deadline());
}

TEST_CASE("repeats are counted and pass over") {
  Rig rig;
  rig.join_at(7);
  for (const std::uint64_t sequence : {0u, 3u, 6u}) rig.send(rig.chunk(sequence));
  rig.send(Gap{{epoch, 3}, {epoch, 7}, {}, {}, GapReason::lost});
  CHECK(!rig.session.poll());
  CHECK(!rig.session.deadline());
  CHECK(rig.session.counters().repeats == 4);
  rig.append(7);
  rig.send(rig.chunk(7));
  CHECK(!rig.session.poll());
}

TEST_CASE("a number that cannot come next is refused") {
  for (const Position position : {Position{epoch, 4}, Position{epoch, 1'000'000'000},
                                  Position{epoch + 1, 3}, Position{epoch + 1, 2}}) {
    Rig rig;
    rig.join_at(3);
    rig.send(test::make_chunk(rig.memory, position));
    rig.expect_bye(ByeReason::bad_sequence);
  }
}

TEST_CASE("a publisher says what it does not have any more") {
  Rig rig;
  rig.join_at(3);
  rig.send(Gap{{epoch, 3}, {epoch, 8}, {}, test::utc_of(8), GapReason::lost});
  const Gap gap = expect<PublisherSession::Lose>(rig.session).gap;
  CHECK(gap.from == Position{epoch, 3});
  CHECK(gap.to == Position{epoch, 8});
  CHECK(gap.to_utc == test::utc_of(8));
  rig.append(8);
  rig.send(Gap{{epoch, 5}, {epoch, 12}, {}, {}, GapReason::lost});  // some of it is here
  CHECK(expect<PublisherSession::Lose>(rig.session).gap.from == Position{epoch, 9});
}

TEST_CASE("a gap that does not begin here is refused") {
  for (const Gap& gap :
       {Gap{{epoch, 4}, {epoch, 8}, {}, {}, {}}, Gap{{epoch, 3}, {epoch + 1, 0}, {}, {}, {}},
        Gap{{epoch + 1, 0}, {epoch, 8}, {}, {}, {}}}) {
    Rig rig;
    rig.join_at(3);
    rig.send(gap);
    rig.expect_bye(ByeReason::bad_sequence);
  }
}

TEST_CASE("damaged payload is refused and asked for again") {
  Rig rig;
  rig.join_at(3);
  Chunk chunk = rig.chunk(3);
  chunk.checksum ^= 1;
  rig.send(chunk);
  rig.expect_bye(ByeReason::bad_checksum);
  CHECK(rig.session.counters().checksum_errors == 1);
  CHECK(rig.session.expected() == Position{epoch, 3});
}

TEST_CASE("new tracks come before the first chunk that uses them") {
  Rig rig;
  rig.join_at(3);
  rig.send(test::make_tracks(2));
  CHECK(expect<PublisherSession::Announce>(rig.session).tracks == test::make_tracks(2));
  rig.send(test::make_tracks(2));
  CHECK(!rig.session.poll());
  rig.send(test::make_chunk(rig.memory, {epoch, 3}, true, 2));
  expect<PublisherSession::Append>(rig.session);
  rig.send(rig.chunk(4));
  rig.expect_bye(ByeReason::bad_message);
}

TEST_CASE("a version of tracks means one thing") {
  Rig rig;
  rig.join_at(3);
  Tracks other = test::make_tracks();
  other.tracks.pop_back();
  rig.send(other);
  rig.expect_bye(ByeReason::bad_message);
}

TEST_CASE("tracks without a version are refused") {
  Rig rig;
  rig.join_at(3);
  rig.send(Tracks{});
  rig.expect_bye(ByeReason::bad_message);
}

TEST_CASE("Hello may come without tracks") {
  Rig rig;
  rig.test_hello.tracks = {};
  rig.join();
  CHECK(!rig.session.poll());
  rig.send(rig.chunk(3));
  rig.expect_bye(ByeReason::bad_message);
}

TEST_CASE("messages that do not belong here are refused") {
  const Message wrong[] = {Welcome{}, Ack{{1, 1}, {1, 1}},
                           Play{},    Playing{{}, {}, {1, 1}, {}, 0},
                           Pause{},   Resume{},
                           Seek{},    Hello{"live/cam", {}, 1, {}, 0, 0, 0}};
  for (const Message& message : wrong) {
    Rig rig;
    rig.join_at(3);
    rig.send(message);
    rig.expect_bye(ByeReason::bad_message);
  }
}

TEST_CASE("nothing comes before Hello nor before its answer") {
  for (const bool asked : {false, true}) {
    Rig rig;
    if (asked) {
      rig.send(rig.test_hello);
      expect<PublisherSession::Join>(rig.session);
    }
    rig.send(rig.chunk(3));
    test::expect_bye(rig.memory, rig.session, ByeReason::bad_message);
  }
}

TEST_CASE("the name in Hello is that of the path or left out") {
  Rig rig;
  rig.test_hello.stream = "live/other";
  rig.send(rig.test_hello);
  test::expect_bye(rig.memory, rig.session, ByeReason::bad_message);
  Rig unnamed;
  unnamed.test_hello.stream.clear();
  CHECK(unnamed.join() == 3);
}

TEST_CASE("what cannot be read ends the session with its reason") {
  Rig rig;
  rig.join_at(3);
  rig.session.on_message(Errc::payload_too_large, rig.now);
  test::expect_sent<Ack>(rig.memory, rig.session);
  const Bye bye = test::expect_sent<Bye>(rig.memory, rig.session);
  CHECK(bye.reason == ByeReason::too_large);
  CHECK(bye.detail == "the chunk is too large");
}

TEST_CASE("too many messages that are no chunks are a flood") {
  Rig rig;
  rig.join_at(3);
  std::uint32_t count = 1;  // Hello was one
  while (!rig.session.is_closed()) {
    rig.send(Unknown{});
    ++count;
    REQUIRE(count <= Allowance::burst + 1);
  }
  CHECK(count == Allowance::burst + 1);
  rig.expect_bye(ByeReason::flood);
}

TEST_CASE("chunks are no flood") {
  Rig rig;
  rig.join_at(3);
  for (std::uint64_t sequence = 3; sequence < 1'000; ++sequence) rig.append(sequence);
  CHECK(rig.session.counters().chunks == 997);
}

TEST_CASE("a publisher that leaves is acknowledged what came") {
  Rig rig;
  rig.join_at(3);
  rig.append(3);
  rig.send(Bye{ByeReason::ended, {}, {}});
  CHECK(test::expect_sent<Ack>(rig.memory, rig.session).received == Position{epoch, 4});
  const Close close = expect<Close>(rig.session);
  CHECK(close.by_peer);
  CHECK(close.reason == ByeReason::ended);
  CHECK(!rig.session.poll());
}

TEST_CASE("a drain acknowledges what came and says when to come back") {
  Rig rig;
  rig.join_at(3);
  rig.append(3);
  rig.session.bye(ByeReason::drain, Milliseconds(100));
  CHECK(test::expect_sent<Ack>(rig.memory, rig.session).received == Position{epoch, 4});
  const Bye bye = test::expect_sent<Bye>(rig.memory, rig.session);
  CHECK(bye.reason == ByeReason::drain);
  CHECK(bye.retry_after == Milliseconds(100));
  expect<Close>(rig.session);
  CHECK(!rig.session.deadline());
  rig.session.bye(ByeReason::drain);
  CHECK(!rig.session.poll());
}

TEST_CASE("every message counts as a sign of life") {
  Rig rig;
  rig.join_at(3);
  rig.now += 100 * ms;
  rig.send(Unknown{});
  CHECK(rig.session.last_message() == rig.now);
  CHECK(rig.session.counters().unknown == 1);
}

}  // namespace wire

#include "relay/protocol/wire/player.hpp"

#include <doctest/doctest.h>

#include "tests/unit/protocol/wire/messages.hpp"

namespace wire {
namespace {

using test::epoch;
using test::expect;
using test::expect_sent;

struct Rig {
  explicit Rig(Player::Settings settings = {}) : player(std::move(settings)) {}

  Play connect() {
    player.on_connected();
    return expect_sent<Play>(memory, player);
  }
  void send(const Message& message) {
    player.on_message(read_message(memory.put_whole(test::flat(write_message(message)))));
  }
  void playing(Position start, std::uint32_t request = 0) {
    send(Playing{"token", test::make_tracks(), start, test::utc_of(0), request});
  }
  /// Connects and is answered.
  void begin(Position start) {
    connect();
    playing(start);
    CHECK(expect<Player::Began>(player).position == start);
    expect<Player::Announce>(player);
    CHECK(!player.poll());
  }
  void deliver(Position position) {
    send(test::make_chunk(memory, position));
    CHECK(expect<Player::Deliver>(player).chunk.position == position);
    CHECK(!player.poll());
  }
  void lose(Position from, Position to, GapReason reason) {
    const Gap gap = expect<Player::Lose>(player).gap;
    CHECK(gap.from == from);
    CHECK(gap.to == to);
    CHECK(gap.reason == reason);
  }

  test::Memory memory;
  Player player;
};

Chunk damaged(test::Memory& memory, Position position) {
  Chunk chunk = test::make_chunk(memory, position);
  chunk.checksum ^= 1;
  return chunk;
}

}  // namespace

TEST_CASE("a player asks for what it was told to") {
  Rig rig({test::utc_of(3), Position{epoch, 9}, Slow::catch_up, Milliseconds(1), Milliseconds(0)});
  const Play play = rig.connect();
  CHECK(play.start == Start(test::utc_of(3)));
  CHECK(play.until == Position{epoch, 9});
  CHECK(play.slow == Slow::catch_up);
  CHECK(play.max_lag == Milliseconds(1));
  CHECK(play.flush == Milliseconds(0));
  CHECK(play.token.empty());
}

TEST_CASE("chunks are delivered in order and a new connection goes on behind the last") {
  Rig rig;
  rig.begin({epoch, 5});
  rig.deliver({epoch, 5});
  rig.deliver({epoch, 6});
  rig.player.on_disconnected();
  const Play play = rig.connect();
  CHECK(play.start == Start(Position{epoch, 7}));
  CHECK(play.token == "token");
  rig.playing({epoch, 7});
  CHECK(expect<Player::Began>(rig.player).resumed);
  CHECK(!rig.player.poll());  // the tracks are known
  rig.deliver({epoch, 7});
  CHECK(rig.player.counters().resumes == 1);
  CHECK(rig.player.counters().chunks == 3);
  CHECK(rig.player.counters().gaps == 0);
}

TEST_CASE("a chunk without samples is delivered like any other") {
  Rig rig;
  rig.begin({epoch, 5});
  Chunk chunk = test::make_chunk(rig.memory, {epoch, 5});
  chunk.samples.clear();
  chunk.checksum = checksum_of(chunk.samples);
  rig.send(chunk);
  CHECK(expect<Player::Deliver>(rig.player).chunk.samples.empty());
  rig.deliver({epoch, 6});
}

TEST_CASE("who has got nothing yet begins anew") {
  Rig rig;
  rig.begin({epoch, 5});
  rig.player.on_disconnected();
  CHECK(rig.connect().start == Start(Live{}));
}

TEST_CASE("who plays faster gets sync chunks without a gap") {
  Rig rig({test::utc_of(1), {}, {}, {}, {}, 800});
  CHECK(rig.connect().speed == 800);
  rig.playing({epoch, 5});
  expect<Player::Began>(rig.player);
  expect<Player::Announce>(rig.player);
  for (const std::uint64_t sequence : {5U, 10U, 15U}) {
    rig.send(test::make_chunk(rig.memory, {epoch, sequence}, true));
    CHECK(expect<Player::Deliver>(rig.player).chunk.position == Position{epoch, sequence});
    CHECK(!rig.player.poll());
  }
  rig.deliver({epoch, 16});  // the live end
  // It goes on at the same speed over another connection, at the next sync chunk.
  rig.player.on_disconnected();
  const Play play = rig.connect();
  CHECK(play.start == Start(Position{epoch, 17}));
  CHECK(play.speed == 800);
  rig.playing({epoch, 20});
  expect<Player::Began>(rig.player);
  rig.send(test::make_chunk(rig.memory, {epoch, 20}, true));
  expect<Player::Deliver>(rig.player);
  CHECK(rig.player.counters().gaps == 0);
  // Only with sync chunks, and only within the epoch.
  rig.send(test::make_chunk(rig.memory, {epoch, 22}));
  test::expect_bye(rig.memory, rig.player, ByeReason::bad_sequence);
}

TEST_CASE("after a Seek a player has the speed that it gave") {
  Rig rig({Live{}, {}, {}, {}, {}, 800});
  rig.begin({epoch, 5});
  rig.player.seek(Position{epoch, 1}, 200);
  CHECK(test::expect_sent<Seek>(rig.memory, rig.player).speed == 200);
  rig.player.seek(Position{epoch, 1});
  CHECK(test::expect_sent<Seek>(rig.memory, rig.player).speed == 100);
  rig.playing({epoch, 1}, 2);
  expect<Player::Began>(rig.player);
  rig.send(test::make_chunk(rig.memory, {epoch, 3}, true));
  test::expect_bye(rig.memory, rig.player, ByeReason::bad_sequence);
}

TEST_CASE("repeats are counted and not delivered") {
  Rig rig;
  rig.begin({epoch, 5});
  rig.deliver({epoch, 5});
  rig.send(test::make_chunk(rig.memory, {epoch, 5}));
  rig.send(test::make_chunk(rig.memory, {epoch, 2}));
  CHECK(!rig.player.poll());
  CHECK(rig.player.counters().repeats == 2);
  rig.deliver({epoch, 6});
}

TEST_CASE("a gap is told with its length in time") {
  Rig rig;
  rig.begin({epoch, 5});
  rig.deliver({epoch, 5});
  rig.send(Gap{{epoch, 6}, {epoch, 9}, {}, test::utc_of(9), GapReason::skip});
  const Gap gap = expect<Player::Lose>(rig.player).gap;
  CHECK(gap.from_utc == test::utc_of(5));
  CHECK(gap.to_utc == test::utc_of(9));
  CHECK(gap.reason == GapReason::skip);
  CHECK(rig.player.cursor() == Position{epoch, 9});
  rig.send(Gap{{epoch, 6}, {epoch, 9}, {}, {}, GapReason::skip});  // once more
  CHECK(!rig.player.poll());
  rig.deliver({epoch, 9});
  CHECK(rig.player.counters().gaps == 1);
}

TEST_CASE("a resume that cannot go on is one gap") {
  Rig rig;
  rig.begin({epoch, 5});
  rig.deliver({epoch, 5});
  rig.connect();
  rig.playing({epoch, 20});
  CHECK(expect<Player::Began>(rig.player).position == Position{epoch, 6});
  rig.send(Gap{{epoch, 6}, {epoch, 20}, {}, {}, GapReason::tail});
  rig.lose({epoch, 6}, {epoch, 20}, GapReason::tail);
  rig.deliver({epoch, 20});
  CHECK(rig.player.counters().gaps == 1);
}

TEST_CASE("another epoch comes with its own tracks") {
  Rig rig;
  rig.begin({epoch, 5});
  rig.send(Gap{{epoch, 5}, {epoch + 1, 0}, {}, {}, GapReason::publisher});
  rig.lose({epoch, 5}, {epoch + 1, 0}, GapReason::publisher);
  rig.send(test::make_tracks());
  expect<Player::Announce>(rig.player);
  rig.deliver({epoch + 1, 0});
}

TEST_CASE("tracks of another epoch do not count") {
  Rig rig;
  rig.begin({epoch, 5});
  rig.send(Gap{{epoch, 5}, {epoch + 1, 0}, {}, {}, GapReason::publisher});
  rig.player.poll();
  rig.player.poll();
  rig.send(test::make_chunk(rig.memory, {epoch + 1, 0}));
  test::expect_bye(rig.memory, rig.player, ByeReason::bad_message);
}

TEST_CASE("a resume in another epoch has its tracks from the answer") {
  Rig rig;
  rig.begin({epoch, 5});
  rig.deliver({epoch, 5});
  rig.connect();
  rig.playing({epoch + 1, 3});
  expect<Player::Began>(rig.player);
  rig.send(Gap{{epoch, 6}, {epoch + 1, 3}, {}, {}, GapReason::publisher});
  rig.lose({epoch, 6}, {epoch + 1, 3}, GapReason::publisher);
  rig.deliver({epoch + 1, 3});
}

TEST_CASE("a hole without a gap is asked for again and then told") {
  Rig rig;
  rig.begin({epoch, 5});
  rig.send(test::make_chunk(rig.memory, {epoch, 8}));
  test::expect_bye(rig.memory, rig.player, ByeReason::bad_sequence);
  CHECK(rig.connect().start == Start(Position{epoch, 5}));
  rig.playing({epoch, 8});
  expect<Player::Began>(rig.player);
  rig.send(test::make_chunk(rig.memory, {epoch, 8}));
  rig.lose({epoch, 5}, {epoch, 8}, GapReason::unexplained);
  expect<Player::Deliver>(rig.player);
  CHECK(rig.player.counters().gaps == 1);
}

TEST_CASE("a damaged chunk is asked for again and delivered whole") {
  Rig rig;
  rig.begin({epoch, 5});
  rig.send(damaged(rig.memory, {epoch, 5}));
  test::expect_bye(rig.memory, rig.player, ByeReason::bad_checksum);
  CHECK(rig.connect().start == Start(Position{epoch, 5}));
  rig.playing({epoch, 5});
  expect<Player::Began>(rig.player);
  rig.deliver({epoch, 5});
  CHECK(rig.player.counters().checksum_errors == 1);
  CHECK(rig.player.counters().gaps == 0);
}

TEST_CASE("a chunk that is damaged twice is given up") {
  Rig rig;
  rig.begin({epoch, 5});
  rig.send(damaged(rig.memory, {epoch, 5}));
  test::expect_bye(rig.memory, rig.player, ByeReason::bad_checksum);
  rig.connect();
  rig.playing({epoch, 5});
  expect<Player::Began>(rig.player);
  rig.send(damaged(rig.memory, {epoch, 5}));
  rig.lose({epoch, 5}, {epoch, 6}, GapReason::corrupt);
  rig.deliver({epoch, 6});
  CHECK(rig.player.counters().checksum_errors == 2);
}

TEST_CASE("a seek drops what still comes of the old position") {
  Rig rig;
  rig.begin({epoch, 50});
  rig.deliver({epoch, 50});
  rig.player.seek(Position{epoch, 5});
  const Seek seek = expect_sent<Seek>(rig.memory, rig.player);
  CHECK(seek.start == Start(Position{epoch, 5}));
  CHECK(seek.request == 1);
  rig.send(test::make_chunk(rig.memory, {epoch, 51}));
  rig.send(Gap{{epoch, 52}, {epoch, 60}, {}, {}, GapReason::skip});
  rig.send(test::make_tracks(2));
  CHECK(!rig.player.poll());
  rig.playing({epoch, 5}, 1);
  CHECK(!expect<Player::Began>(rig.player).resumed);
  rig.deliver({epoch, 5});
  CHECK(rig.player.counters().repeats == 0);
  CHECK(rig.player.counters().gaps == 0);
}

TEST_CASE("of several seeks the last counts") {
  Rig rig;
  rig.begin({epoch, 50});
  rig.player.seek(Position{epoch, 5});
  rig.player.seek(Live{});
  CHECK(expect_sent<Seek>(rig.memory, rig.player).request == 1);
  CHECK(expect_sent<Seek>(rig.memory, rig.player).request == 2);
  CHECK(!rig.player.poll());
  rig.playing({epoch, 5}, 1);
  rig.send(test::make_chunk(rig.memory, {epoch, 5}));
  CHECK(!rig.player.poll());
  rig.playing({epoch, 60}, 2);
  CHECK(expect<Player::Began>(rig.player).position == Position{epoch, 60});
  rig.deliver({epoch, 60});
}

TEST_CASE("a seek that was not answered is asked for on the next connection") {
  Rig rig;
  rig.begin({epoch, 50});
  rig.deliver({epoch, 50});
  rig.player.seek(Position{epoch, 5});
  rig.player.on_disconnected();
  CHECK(rig.connect().start == Start(Position{epoch, 5}));
  rig.player.on_disconnected();
  rig.player.seek(test::utc_of(7));
  CHECK(rig.connect().start == Start(test::utc_of(7)));
}

TEST_CASE("a paused player is paused on the next connection too") {
  Rig rig;
  rig.begin({epoch, 5});
  rig.player.pause();
  rig.player.pause();
  expect_sent<Pause>(rig.memory, rig.player);
  CHECK(!rig.player.poll());
  rig.connect();
  expect_sent<Pause>(rig.memory, rig.player);
  rig.player.resume();
  expect_sent<Resume>(rig.memory, rig.player);
  CHECK(!rig.player.poll());
}

TEST_CASE("new tracks are announced once") {
  Rig rig;
  rig.begin({epoch, 5});
  rig.send(test::make_tracks(2));
  CHECK(expect<Player::Announce>(rig.player).tracks == test::make_tracks(2));
  rig.send(test::make_tracks(2));
  CHECK(!rig.player.poll());
  rig.send(test::make_chunk(rig.memory, {epoch, 5}, true, 2));
  expect<Player::Deliver>(rig.player);
}

TEST_CASE("a Bye ends the connection of a player and the cursor stays") {
  Rig rig;
  rig.begin({epoch, 5});
  rig.deliver({epoch, 5});
  rig.send(Bye{ByeReason::drain, Milliseconds(20), {}});
  const Close close = expect<Close>(rig.player);
  CHECK(close.by_peer);
  CHECK(close.reason == ByeReason::drain);
  CHECK(close.retry_after == Milliseconds(20));
  rig.send(test::make_chunk(rig.memory, {epoch, 6}));
  CHECK(!rig.player.poll());
  CHECK(rig.connect().start == Start(Position{epoch, 6}));
}

TEST_CASE("a player that leaves says so") {
  Rig rig;
  rig.begin({epoch, 5});
  rig.player.leave();
  test::expect_bye(rig.memory, rig.player, ByeReason::unspecified);
}

TEST_CASE("messages of a relay that do not belong to a player are refused") {
  const Message wrong[] = {
      Hello{{}, {}, 1, {}, 0, 0, 0}, Welcome{}, Ack{{1, 1}, {1, 1}}, Play{}, Pause{}, Seek{}};
  for (const Message& message : wrong) {
    Rig rig;
    rig.begin({epoch, 5});
    rig.send(message);
    test::expect_bye(rig.memory, rig.player, ByeReason::bad_message);
  }
  Rig rig;
  rig.connect();
  rig.send(test::make_chunk(rig.memory, {epoch, 5}));
  test::expect_bye(rig.memory, rig.player, ByeReason::bad_message);
}

TEST_CASE("what a relay sent to a player that cannot be read ends the connection") {
  Rig rig;
  rig.connect();
  rig.player.on_message(Errc::bad_sizes);
  test::expect_bye(rig.memory, rig.player, ByeReason::bad_message);
}

TEST_CASE("unknown messages of a newer relay are passed over by a player") {
  Rig rig;
  rig.connect();
  rig.send(Unknown{});
  rig.playing({epoch, 5});
  expect<Player::Began>(rig.player);
  expect<Player::Announce>(rig.player);
  rig.send(Unknown{});
  rig.deliver({epoch, 5});
}

}  // namespace wire

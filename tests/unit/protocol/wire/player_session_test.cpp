#include "relay/protocol/wire/player_session.hpp"

#include <doctest/doctest.h>

#include "tests/unit/protocol/wire/messages.hpp"

namespace wire {
namespace {

using test::epoch;
using test::expect;

struct Rig {
  void send(const Message& message) {
    session.on_message(read_message(memory.put_whole(test::flat(write_message(message)))), now);
  }
  void play(Start start) {
    Play message;
    message.start = start;
    send(message);
    CHECK(expect<PlayerSession::Find>(session).start == start);
  }
  Playing found(Position start, std::string token = "fresh") {
    session.found({start, test::make_tracks(), test::utc_of(start.sequence)}, test::utc_of(99),
                  std::move(token));
    return test::expect_sent<Playing>(memory, session);
  }

  test::Memory memory;
  base::Time now{std::chrono::hours(1)};
  PlayerSession session{std::chrono::seconds(15)};
};

}  // namespace

TEST_CASE("a player is told where it begins") {
  Rig rig;
  rig.play(Live{});
  CHECK(!rig.session.is_playing());
  const Playing playing = rig.found({epoch, 5});
  CHECK(playing.start == Position{epoch, 5});
  CHECK(playing.tracks == test::make_tracks());
  CHECK(playing.utc == test::utc_of(99));
  CHECK(playing.token == "fresh");
  CHECK(playing.request == 0);
  CHECK(!rig.session.poll());
  CHECK(rig.session.is_playing());
  CHECK(!rig.session.deadline());
}

TEST_CASE("a cursor that is there needs no gap") {
  Rig rig;
  rig.play(Position{epoch, 5});
  rig.found({epoch, 5});
  CHECK(!rig.session.poll());
}

TEST_CASE("a cursor that is not there any more is answered with one gap") {
  Rig rig;
  rig.play(Position{epoch, 5});
  rig.found({epoch, 9});
  const Gap gap = test::expect_sent<Gap>(rig.memory, rig.session);
  CHECK(gap.from == Position{epoch, 5});
  CHECK(gap.to == Position{epoch, 9});
  CHECK(gap.to_utc == test::utc_of(9));
  CHECK(gap.reason == GapReason::tail);
  CHECK(!rig.session.poll());
}

TEST_CASE("who plays faster is told of no gap within an epoch") {
  Rig rig;
  Play play;
  play.start = Position{epoch, 5};
  play.speed = 400;
  rig.send(play);
  expect<PlayerSession::Find>(rig.session);
  CHECK(rig.session.play().speed == 400);
  rig.found({epoch, 9});
  CHECK(!rig.session.poll());
  rig.send(Seek{Position{epoch, 2}, 1, 200});
  expect<PlayerSession::Find>(rig.session);
  CHECK(rig.session.play().speed == 200);
  rig.found({epoch + 1, 0});
  CHECK(test::expect_sent<Gap>(rig.memory, rig.session).to == Position{epoch + 1, 0});
  // A Seek that does not name it means the usual one.
  rig.send(Seek{Position{epoch + 1, 2}, 2});
  expect<PlayerSession::Find>(rig.session);
  CHECK(rig.session.play().speed == 100);
  rig.found({epoch + 1, 4});
  CHECK(test::expect_sent<Gap>(rig.memory, rig.session).to == Position{epoch + 1, 4});
}

TEST_CASE("a position is waited for and then given up") {
  Rig rig;
  rig.play(Position{epoch, 5});
  REQUIRE(rig.session.deadline());
  CHECK(*rig.session.deadline() == rig.now + std::chrono::seconds(15));
  rig.session.on_time(*rig.session.deadline() - base::Duration(1));
  CHECK(!rig.session.poll());
  rig.session.on_time(*rig.session.deadline());
  test::expect_bye(rig.memory, rig.session, ByeReason::not_found);
  rig.session.found({{epoch, 5}, {}, {}}, {}, "late");
  CHECK(!rig.session.poll());
}

TEST_CASE("what Play asked for can be read") {
  Rig rig;
  rig.send(Play{Live{}, Position{epoch, 9}, Slow::disconnect, Milliseconds(500), Milliseconds(40),
                "mine"});
  expect<PlayerSession::Find>(rig.session);
  CHECK(rig.session.play().until == Position{epoch, 9});
  CHECK(rig.session.play().slow == Slow::disconnect);
  CHECK(rig.found({epoch, 1}, {}).token == "mine");
  rig.send(Seek{Live{}, 1});
  expect<PlayerSession::Find>(rig.session);
  CHECK(rig.found({epoch, 1}, "another").token == "another");
}

TEST_CASE("pause and resume are told once") {
  Rig rig;
  rig.play(Live{});
  rig.found({epoch, 5});
  rig.send(Resume{});
  CHECK(!rig.session.poll());
  rig.send(Pause{});
  expect<PlayerSession::Halt>(rig.session);
  CHECK(!rig.session.is_playing());
  rig.send(Pause{});
  CHECK(!rig.session.poll());
  rig.send(Resume{});
  expect<PlayerSession::Continue>(rig.session);
  CHECK(rig.session.is_playing());
}

TEST_CASE("a seek is answered like Play with its number and stays paused") {
  Rig rig;
  rig.play(Live{});
  rig.found({epoch, 50});
  rig.send(Pause{});
  expect<PlayerSession::Halt>(rig.session);
  rig.send(Seek{Position{epoch, 5}, 1});
  rig.session.poll();
  rig.send(Seek{Position{epoch, 7}, 2});  // before the first is answered
  CHECK(expect<PlayerSession::Find>(rig.session).start == Start(Position{epoch, 7}));
  CHECK(rig.session.deadline());
  CHECK(rig.found({epoch, 7}).request == 2);
  CHECK(!rig.session.poll());
  CHECK(rig.session.is_paused());
}

TEST_CASE("gaps and tracks are said between chunks") {
  Rig rig;
  rig.play(Live{});
  rig.found({epoch, 5});
  rig.session.gap({{epoch, 5}, {epoch, 9}, {}, {}, GapReason::skip});
  CHECK(test::expect_sent<Gap>(rig.memory, rig.session).reason == GapReason::skip);
  rig.session.tracks(test::make_tracks(3));
  CHECK(test::expect_sent<Tracks>(rig.memory, rig.session).version == 3);
}

TEST_CASE("messages of a player that do not belong here are refused") {
  test::Memory memory;
  const Message wrong[] = {Hello{{}, {}, 1, {}, 0, 0, 0},
                           Welcome{},
                           Ack{{1, 1}, {1, 1}},
                           Play{},
                           Playing{{}, {}, {1, 1}, {}, 0},
                           test::make_chunk(memory, {1, 1}),
                           test::make_tracks(),
                           Gap{{1, 1}, {1, 2}, {}, {}, {}}};
  for (const Message& message : wrong) {
    Rig rig;
    rig.play(Live{});
    rig.send(message);
    test::expect_bye(rig.memory, rig.session, ByeReason::bad_message);
  }
}

TEST_CASE("a player begins with Play") {
  const Message wrong[] = {Pause{}, Resume{}, Seek{}, test::make_tracks()};
  for (const Message& message : wrong) {
    Rig rig;
    rig.send(Unknown{});
    rig.send(message);
    test::expect_bye(rig.memory, rig.session, ByeReason::bad_message);
  }
}

TEST_CASE("a player that sends too much is a flood") {
  Rig rig;
  rig.play(Live{});
  for (std::uint32_t count = 1; count < Allowance::burst; ++count) {
    rig.send(Pause{});
    rig.session.poll();
    rig.session.poll();
  }
  CHECK(!rig.session.is_closed());
  rig.send(Unknown{});
  test::expect_bye(rig.memory, rig.session, ByeReason::flood);
}

TEST_CASE("a player that leaves is let go") {
  Rig rig;
  rig.play(Live{});
  rig.send(Bye{});
  CHECK(expect<Close>(rig.session).by_peer);
  CHECK(!rig.session.poll());
  CHECK(!rig.session.deadline());
}

TEST_CASE("what a player sent that cannot be read ends it with the reason") {
  Rig rig;
  rig.session.on_message(Errc::bad_envelope, rig.now);
  test::expect_bye(rig.memory, rig.session, ByeReason::bad_message);
}

TEST_CASE("the session of a player is small") { CHECK(sizeof(PlayerSession) <= 320); }

}  // namespace wire

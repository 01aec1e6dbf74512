// The four halves together: a camera, a relay and a player over links that are cut after every
// number of deliveries there is. Each chunk must arrive once, in order and whole.

#include <doctest/doctest.h>

#include "tests/unit/protocol/wire/world.hpp"

namespace wire {
namespace {

using test::epoch;
using test::World;
using Fault = World::Fault;

constexpr std::uint64_t chunks = 14;

void check_all(const World& world) {
  REQUIRE(world.delivered.size() == chunks);
  for (std::uint64_t sequence = 0; sequence < chunks; ++sequence) {
    const std::string number = std::to_string(sequence);
    REQUIRE(world.delivered[sequence] == "video " + number + ".audio " + number + ".");
    REQUIRE(world.positions[sequence] == Position{epoch, sequence});
  }
  CHECK(world.gaps.empty());
  CHECK(world.relay.gaps.empty());
}

void check_log(const World& world) {
  REQUIRE(world.relay.log.size() == chunks);
  for (std::uint64_t sequence = 0; sequence < chunks; ++sequence) {
    REQUIRE(world.relay.log[sequence].chunk.position.sequence == sequence);
  }
}

std::size_t deliveries_without_faults() {
  World world;
  REQUIRE(world.run(chunks));
  check_all(world);
  check_log(world);
  CHECK(world.camera->counters().repeated == 0);
  CHECK(world.player.counters().resumes == 0);
  CHECK(world.relay.publisher_ended);
  return world.deliveries;
}

}  // namespace

TEST_CASE("every chunk arrives once wherever a connection is cut or the relay killed") {
  const std::size_t deliveries = deliveries_without_faults();
  CHECK(deliveries > 2 * chunks);
  for (const Fault fault :
       {Fault::cut_camera, Fault::half_open_camera, Fault::cut_player, Fault::kill_relay}) {
    for (std::size_t at = 1; at <= deliveries; ++at) {
      CAPTURE(static_cast<int>(fault));
      CAPTURE(at);
      World world;
      REQUIRE(world.run(chunks, fault, at));
      check_all(world);
      // A relay that is killed when the camera has left has nothing, and nobody lacks it.
      if (fault != Fault::kill_relay || !world.relay.log.empty()) check_log(world);
    }
  }
}

TEST_CASE("every chunk arrives once when it is cut twice") {
  const std::size_t deliveries = deliveries_without_faults();
  for (const Fault fault :
       {Fault::cut_camera, Fault::half_open_camera, Fault::cut_player, Fault::kill_relay}) {
    for (std::size_t at = 1; at <= deliveries; at += 3) {
      for (std::size_t again = 1; again <= 24; again += 2) {
        CAPTURE(static_cast<int>(fault));
        CAPTURE(at);
        CAPTURE(again);
        World world;
        REQUIRE(world.run(chunks, fault, at, again));
        check_all(world);
      }
    }
  }
}

TEST_CASE("a camera whose lost connection the relay does not know takes its own place") {
  World world;
  REQUIRE(world.run(chunks, Fault::half_open_camera, 30));
  CHECK(world.relay.replacements == 1);
  CHECK(world.relay.byes.empty());
}

TEST_CASE("a second camera waits and then takes over with exactly one gap") {
  World world;
  for (int turn = 0; turn < 8; ++turn) {
    world.add();
    world.turn();
  }
  for (int turn = 0; turn < 20; ++turn) world.turn();
  REQUIRE(world.delivered.size() == 8);

  world.relay.lose_publisher();  // the first process is gone, and with it its session
  world.new_camera(epoch + 1);
  int turns = 0;
  while (!world.camera->is_welcome()) {
    if (turns % 5 == 0) world.add();
    world.turn();
    REQUIRE(++turns < 1'000);
  }
  CHECK(turns > 200);  // five seconds of twenty milliseconds, less what passed before
  CHECK(!world.relay.byes.empty());
  for (const ByeReason reason : world.relay.byes) CHECK(reason == ByeReason::in_use);
  for (int turn = 0; turn < 200; ++turn) world.turn();
  REQUIRE(world.gaps.size() == 1);
  CHECK(world.gaps[0].from == Position{epoch, 8});
  CHECK(world.gaps[0].to == Position{epoch + 1, 0});
  CHECK(world.gaps[0].from_utc == test::utc_of(7));
  CHECK(world.gaps[0].to_utc == test::utc_of(0));
  CHECK(world.gaps[0].reason == GapReason::publisher);
  REQUIRE(world.positions.size() > 8);
  for (std::size_t index = 8; index < world.positions.size(); ++index) {
    CHECK(world.positions[index] == Position{epoch + 1, index - 8});
  }
  CHECK(world.player.cursor() == world.camera->end());
}

TEST_CASE("a player that seeks and pauses on the way gets what it asked for") {
  World world;
  for (int turn = 0; turn < 8; ++turn) {
    world.add();
    world.turn();
  }
  for (int turn = 0; turn < 20; ++turn) world.turn();
  world.player.seek(Position{epoch, 2});
  for (int turn = 0; turn < 20; ++turn) world.turn();
  REQUIRE(world.positions.size() == 14);
  CHECK(world.positions[8] == Position{epoch, 2});
  CHECK(world.positions[13] == Position{epoch, 7});

  world.player.pause();
  for (int turn = 0; turn < 5; ++turn) world.turn();
  world.add();
  for (int turn = 0; turn < 20; ++turn) world.turn();
  CHECK(world.positions.size() == 14);
  world.player.resume();
  for (int turn = 0; turn < 5; ++turn) world.turn();
  CHECK(world.positions.size() == 15);
  CHECK(world.player.counters().repeats == 0);
  CHECK(world.player.counters().gaps == 0);
}

}  // namespace wire

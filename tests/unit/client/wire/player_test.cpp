#include "client/wire/player.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/client/wire/test_relay.hpp"

namespace client {
namespace {

using test::TestRelay;
using wire::Position;
using wire::test::epoch;

struct Events final : Player::Events {
  void on_connected(const std::string& address) override { record.add("connected " + address); }
  void on_playing(const wire::Player::Began& began) override {
    record.add((began.resumed ? "resumed " : "playing ") + std::to_string(began.position.sequence));
  }
  void on_tracks(const wire::Tracks& tracks) override {
    record.add("tracks " + std::to_string(tracks.version));
  }
  void on_chunk(const wire::Chunk& chunk) override {
    record.add("chunk " + std::to_string(chunk.position.sequence) + " " +
               wire::test::payload_of(chunk));
  }
  void on_gap(const wire::Gap& gap) override {
    record.add("gap " + std::to_string(gap.from.sequence) + " " + std::to_string(gap.to.sequence) +
               " " + name_of(gap.reason));
  }
  void on_lost(const std::string& reason, base::Duration) override { record.add("lost " + reason); }
  void on_end(const Ending& ending) override { record.end(ending); }
  test::Record record;
};

Player::Settings settings_for(const Url& url) {
  Player::Settings settings;
  settings.url = url;
  settings.backoff.first = std::chrono::milliseconds(1);
  return settings;
}

/// Chunks into the relay's log, as if a camera had sent them; every fourth sync.
void put(TestRelay& relay, std::uint64_t first, std::uint64_t count) {
  relay.call([&](TestRelay& test) {
    for (std::uint64_t number = first; number < first + count; ++number) {
      test.relay.log.push_back(
          {wire::test::make_chunk(test.memory, Position{epoch, number}, number % 4 == 0),
           wire::test::make_tracks()});
    }
  });
}

std::string line_of(std::uint64_t number) {
  const std::string name = std::to_string(number);
  return "chunk " + name + " video " + name + ".audio " + name + ".";
}

void check_chunks(const std::vector<std::string>& lines, std::uint64_t first) {
  for (const std::string& line : lines) CHECK(line == line_of(first++));
}

}  // namespace

TEST_CASE("a player gets tracks and chunks from the newest sync chunk on") {
  TestRelay relay;
  put(relay, 0, 10);
  Events events;
  Player player(settings_for(relay.url()), events);
  check_chunks(events.record.wait_for("chunk ", 2), 8);
  put(relay, 10, 50);
  check_chunks(events.record.wait_for("chunk ", 52), 8);
  const auto lines = events.record.lines();
  CHECK(lines[0] == "connected 127.0.0.1:" + std::to_string(relay.port()));
  CHECK(lines[1] == "playing 8");
  CHECK(lines[2] == "tracks 1");
  CHECK(lines.size() == 55);
  CHECK(player.stats().counters.chunks == 52);
  CHECK(player.stats().connected);
}

TEST_CASE("a large chunk arrives whole") {
  TestRelay relay;
  relay.call([](TestRelay& test) {
    wire::Chunk chunk = wire::test::make_chunk(test.memory, Position{epoch, 0}, true);
    chunk.samples.resize(1);
    chunk.samples[0].payload = test.memory.put_cut(std::string(1'000'000, 'x'), 50'000);
    chunk.checksum = wire::checksum_of(chunk.samples);
    test.relay.log.push_back({chunk, wire::test::make_tracks()});
  });
  Events events;
  Player player(settings_for(relay.url()), events);
  CHECK(events.record.wait_for("chunk ", 1)[0] == "chunk 0 " + std::string(1'000'000, 'x') + ".");
}

TEST_CASE("every chunk comes once however often the connection is cut") {
  TestRelay relay;
  put(relay, 0, 1);
  Events events;
  Player player(settings_for(relay.url()), events);
  events.record.wait_for("chunk ", 1);
  for (std::uint64_t time = 1; time <= 10; ++time) {
    put(relay, time * 10 - 9, 10);
    events.record.wait_for("connected ", time);
    if (time % 2 == 0) events.record.wait_for("chunk ", time * 10 - 5);
    relay.cut();
    events.record.wait_for("lost ", time);
  }
  check_chunks(events.record.wait_for("chunk ", 101), 0);
  CHECK(player.stats().reconnects >= 1);
  CHECK(player.stats().counters.gaps == 0);
  CHECK(events.record.wait_for("resumed ", 1)[0].starts_with("resumed "));
}

TEST_CASE("a relay that lost its memory is waited for and what is missing is one gap") {
  TestRelay relay;
  put(relay, 0, 6);
  Events events;
  Player player(settings_for(relay.url()), events);
  events.record.wait_for("chunk 5", 1);
  relay.cut(true);
  events.record.wait_for("lost ", 1);
  put(relay, 8, 4);
  check_chunks(events.record.wait_for("chunk 8", 1), 8);
  CHECK(events.record.wait_for("gap ", 1) == std::vector<std::string>{"gap 6 8 tail"});
}

TEST_CASE("a player can seek and pause and go on") {
  TestRelay relay;
  put(relay, 0, 10);
  Events events;
  Player player(settings_for(relay.url()), events);
  events.record.wait_for("chunk 9", 1);
  player.seek(Position{epoch, 3});
  events.record.wait_for("chunk 9", 2);
  check_chunks(events.record.wait_for("chunk 3", 1), 3);
  player.pause();
  player.seek(Position{epoch, 2});
  player.resume();
  check_chunks(events.record.wait_for("chunk 2", 1), 2);
}

TEST_CASE("what is held is not lost") {
  TestRelay relay;
  put(relay, 0, 1);
  Events events;
  Player player(settings_for(relay.url()), events);
  events.record.wait_for("chunk ", 1);
  player.hold(true);
  put(relay, 1, 50);
  player.hold(false);
  check_chunks(events.record.wait_for("chunk ", 51), 0);
}

TEST_CASE("while held a silent relay is not taken for lost") {
  TestRelay relay;
  put(relay, 0, 1);
  auto settings = settings_for(relay.url());
  settings.idle = std::chrono::milliseconds(3);
  Events events;
  Player player(settings, events);
  events.record.wait_for("chunk ", 1);
  player.hold(true);
  int turns = 0;
  relay.until([&turns](TestRelay&) { return ++turns > 5; });  // of 10 ms
  player.hold(false);
  put(relay, 1, 1);
  check_chunks(events.record.wait_for("chunk ", 2), 0);
}

TEST_CASE("the end of a stream and what is final end it") {
  TestRelay relay;
  for (const auto& [reason, cause] :
       {std::pair(wire::ByeReason::ended, Ending::Cause::done),
        std::pair(wire::ByeReason::until, Ending::Cause::done),
        std::pair(wire::ByeReason::not_allowed, Ending::Cause::refused),
        std::pair(wire::ByeReason::bad_token, Ending::Cause::refused)}) {
    TestRelay::Manners manners;
    manners.bye = reason;
    relay.behave(manners);
    Events events;
    Player player(settings_for(relay.url()), events);
    const Ending ending = events.record.wait_for_end();
    CHECK(ending.cause == cause);
    CHECK(ending.reason == reason);
  }
}

TEST_CASE("a stream that is not there is asked for again") {
  TestRelay relay;
  TestRelay::Manners manners;
  manners.bye = wire::ByeReason::not_found;
  relay.behave(manners);
  Events events;
  Player player(settings_for(relay.url()), events);
  events.record.wait_for("lost the relay says not_found", 2);
  relay.behave({});
  put(relay, 0, 1);
  events.record.wait_for("chunk ", 1);
}

TEST_CASE("a player that is destroyed says Bye") {
  TestRelay relay;
  put(relay, 0, 1);
  {
    Events events;
    Player player(settings_for(relay.url()), events);
    events.record.wait_for("chunk ", 1);
  }
  relay.until([](TestRelay& test) { return !test.has_player(); });
}

TEST_CASE("a player may be destroyed at any time") {
  TestRelay relay;
  put(relay, 0, 10);
  for (int time = 0; time < 10; ++time) {
    Events events;
    Player player(settings_for(relay.url()), events);
    if (time % 2 == 1) events.record.wait_for("connected ", 1);
  }
  Events events;
  auto settings = settings_for(relay.url());
  settings.url.port = 1;
  Player player(settings, events);
  events.record.wait_for("lost ", 1);
}

}  // namespace client

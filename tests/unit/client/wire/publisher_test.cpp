#include "client/wire/publisher.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <string>

#include "tests/unit/client/wire/test_relay.hpp"

namespace client {
namespace {

using test::TestRelay;
using wire::test::make_tracks;
using wire::test::utc_of;

struct Events final : Publisher::Events {
  void on_connected(const std::string& address) override { record.add("connected " + address); }
  void on_accepted() override { record.add("accepted"); }
  void on_lost(const std::string& reason, base::Duration) override { record.add("lost " + reason); }
  void on_end(const Ending& ending) override { record.end(ending); }
  test::Record record;
};

Publisher::Settings settings_for(const Url& url) {
  Publisher::Settings settings;
  settings.url = url;
  settings.keep.bytes = 4 << 20;
  settings.backoff.first = std::chrono::milliseconds(1);
  return settings;
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

/// Chunks as make_chunk() makes them, every fourth sync.
struct Camera {
  explicit Camera(const Publisher::Settings& settings) : publisher(settings, events) {
    publisher.set_tracks(make_tracks().tracks);
  }
  bool add(bool sync, const std::string& video, const std::string& audio) {
    const auto dts = static_cast<std::int64_t>(number * 3'000);
    const Publisher::Frame frames[] = {
        {0, sync, dts, dts + 6'000, 3'000, bytes_of(video)},
        {1, true, dts / 15 * 8, dts / 15 * 8, 1'024, bytes_of(audio)},
    };
    return publisher.add(utc_of(number), sync, frames);
  }
  void add(std::size_t count) {
    for (; count > 0; --count, ++number) {
      const std::string name = std::to_string(number);
      REQUIRE(add(number % 4 == 0, "video " + name, "audio " + name));
    }
  }
  std::uint64_t number = 0;
  Events events;
  Publisher publisher;
};

bool has_chunks(const TestRelay& relay, std::size_t count) {
  return relay.relay.log.size() >= count;
}

void check_log(TestRelay& relay, std::uint64_t first, std::uint64_t count) {
  relay.call([&](TestRelay& test) {
    REQUIRE(test.relay.log.size() == count);
    for (const auto& [chunk, tracks] : test.relay.log) {
      const std::string name = std::to_string(first);
      CHECK(chunk.position.sequence == first);
      CHECK(wire::test::payload_of(chunk) == "video " + name + ".audio " + name + ".");
      CHECK(chunk.sync == (first % 4 == 0));
      CHECK(chunk.utc == utc_of(first));
      CHECK(chunk.samples[0].pts == chunk.samples[0].dts + 6'000);
      CHECK(tracks == make_tracks());
      ++first;
    }
  });
}

}  // namespace

TEST_CASE("what a publisher is given arrives whole and in order and is acknowledged") {
  TestRelay relay;
  Camera camera(settings_for(relay.url()));
  camera.add(100);
  camera.publisher.finish();
  CHECK(camera.events.record.wait_for_end().cause == Ending::Cause::done);
  check_log(relay, 0, 100);
  const Publisher::Stats stats = camera.publisher.stats();
  CHECK(stats.chunks == 100);
  CHECK(stats.bytes == 10 * 14 + 90 * 16);
  CHECK(stats.acknowledged == 100);
  CHECK(stats.reconnects == 0);
  CHECK(stats.lost == 0);
  CHECK(camera.events.record.wait_for("connected ", 1)[0] ==
        "connected 127.0.0.1:" + std::to_string(relay.port()));
  CHECK(camera.events.record.wait_for("accepted", 1).size() == 1);
  CHECK(relay.call([](TestRelay& test) { return test.relay.publisher_ended; }));
}

TEST_CASE("chunks larger than a block arrive whole") {
  TestRelay relay;
  Camera camera(settings_for(relay.url()));
  std::string large(1'500'000, 'x');
  for (std::size_t at = 0; at < large.size(); ++at)
    large[at] = static_cast<char>(at * 7 + at / 251);
  REQUIRE(camera.add(true, large, "small"));
  relay.until([](TestRelay& test) { return has_chunks(test, 1); });
  CHECK(relay.call([](TestRelay& test) {
    return wire::test::payload_of(test.relay.log[0].chunk);
  }) == large + ".small.");
}

TEST_CASE("every chunk arrives once however often the connection is cut") {
  TestRelay relay;
  Camera camera(settings_for(relay.url()));
  for (std::size_t time = 1; time <= 10; ++time) {
    camera.add(10);
    relay.until([time](TestRelay& test) { return has_chunks(test, time * 10 - 5); });
    relay.cut();
    camera.events.record.wait_for("lost ", time);
  }
  camera.publisher.finish();
  CHECK(camera.events.record.wait_for_end().cause == Ending::Cause::done);
  check_log(relay, 0, 100);
  CHECK(camera.publisher.stats().reconnects >= 1);
}

TEST_CASE("a relay that lost its memory is filled from the keep") {
  TestRelay relay;
  Camera camera(settings_for(relay.url()));
  camera.add(10);
  relay.until([](TestRelay& test) { return has_chunks(test, 10); });
  relay.cut(true);
  camera.add(10);
  camera.publisher.finish();
  CHECK(camera.events.record.wait_for_end().cause == Ending::Cause::done);
  check_log(relay, 0, 20);
  CHECK(camera.publisher.stats().repeated >= 1);
}

TEST_CASE("a chunk over a limit is refused and so is what follows up to a sync chunk") {
  TestRelay relay;
  auto settings = settings_for(relay.url());
  settings.keep.bytes = 64 << 20;
  Camera camera(settings);
  CHECK(!camera.add(false, "begins", "without sync"));
  CHECK(camera.add(true, "a", "b"));
  CHECK(!camera.add(false, std::string(wire::payload_bytes_max, 'x'), "y"));
  CHECK(!camera.add(false, "", "empty"));
  CHECK(!camera.add(false, "c", "d"));
  CHECK(camera.add(true, std::string(wire::payload_bytes_max - 1, 'x'), "y"));
  CHECK(!camera.publisher.add({}, true, {}));
  CHECK(camera.publisher.stats().refused == 5);
  const std::string byte = "x";
  const std::vector<Publisher::Frame> many(wire::samples_max + 1,
                                           Publisher::Frame{0, true, 0, 0, 0, bytes_of(byte)});
  CHECK(!camera.publisher.add({}, true, many));
  CHECK(camera.publisher.add({}, true, std::span(many).first(wire::samples_max)));
  relay.until([](TestRelay& test) { return has_chunks(test, 3); });
}

TEST_CASE("UTC never goes back though the clock does") {
  TestRelay relay;
  Camera camera(settings_for(relay.url()));
  camera.number = 9;
  REQUIRE(camera.add(true, "a", "b"));
  camera.number = 3;
  REQUIRE(camera.add(true, "a", "b"));
  relay.until([](TestRelay& test) { return has_chunks(test, 2); });
  CHECK(relay.call([](TestRelay& test) { return test.relay.log[1].chunk.utc; }) == utc_of(9));
}

TEST_CASE("tracks that change are told before the chunks that use them") {
  TestRelay relay;
  Camera camera(settings_for(relay.url()));
  camera.add(4);
  camera.publisher.set_tracks(make_tracks(2).tracks);
  camera.add(4);
  relay.until([](TestRelay& test) { return has_chunks(test, 8); });
  relay.call([](TestRelay& test) {
    CHECK(test.relay.log[3].tracks == make_tracks(1));
    CHECK(test.relay.log[4].tracks == make_tracks(2));
  });
}

TEST_CASE("without a relay it gives up when the retries are used up and says where it tried") {
  TestRelay relay;
  auto settings = settings_for(relay.url());
  settings.url.port = 1;  // where nobody listens
  settings.backoff.retries = 2;
  Camera camera(settings);
  const Ending ending = camera.events.record.wait_for_end();
  CHECK(ending.cause == Ending::Cause::unreachable);
  CHECK(ending.detail == "127.0.0.1:1 refused the connection");
  CHECK(camera.events.record.lines().size() == 2);
  CHECK(!camera.add(true, "too", "late"));
}

TEST_CASE("a name is resolved and each of its addresses is tried") {
  TestRelay relay;
  Camera camera(settings_for(relay.url("localhost")));
  camera.add(4);
  camera.publisher.finish();
  CHECK(camera.events.record.wait_for_end().cause == Ending::Cause::done);
  CHECK(camera.events.record.lines()[0].starts_with("connected 127.0.0.1:"));
}

TEST_CASE("a host that does not exist is said so") {
  TestRelay relay;
  auto settings = settings_for(relay.url("no-such-host.invalid"));
  settings.backoff.retries = 0;
  Camera camera(settings);
  const Ending ending = camera.events.record.wait_for_end();
  CHECK(ending.cause == Ending::Cause::unreachable);
  CHECK(ending.detail.starts_with("cannot find the host no-such-host.invalid: "));
}

TEST_CASE("what would only be said again ends it with the relay's words") {
  TestRelay relay;
  TestRelay::Manners manners;
  manners.bye = wire::ByeReason::not_allowed;
  manners.detail = "not from there";
  relay.behave(manners);
  Camera camera(settings_for(relay.url()));
  const Ending ending = camera.events.record.wait_for_end();
  CHECK(ending.cause == Ending::Cause::refused);
  CHECK(ending.reason == wire::ByeReason::not_allowed);
  CHECK(ending.detail == "the relay says not_allowed: not from there");
}

TEST_CASE("what may pass is tried again") {
  TestRelay relay;
  for (const auto reason : {wire::ByeReason::in_use, wire::ByeReason::drain,
                            wire::ByeReason::unspecified, wire::ByeReason::overload}) {
    TestRelay::Manners manners;
    manners.bye = reason;
    relay.behave(manners);
    Camera camera(settings_for(relay.url()));
    camera.events.record.wait_for(std::string("lost the relay says ") + name_of(reason), 2);
  }
}

TEST_CASE("an answer of HTTP that is final ends it and shows the first line of its body") {
  TestRelay relay;
  TestRelay::Manners manners;
  manners.status = 403;
  manners.body = "publishing is not allowed from \x1b[31mhere\nsecond line";
  relay.behave(manners);
  Camera camera(settings_for(relay.url()));
  const Ending ending = camera.events.record.wait_for_end();
  CHECK(ending.cause == Ending::Cause::refused);
  CHECK(ending.detail == "127.0.0.1:" + std::to_string(relay.port()) +
                             " answered 403 Forbidden: publishing is not allowed from ?[31mhere");
}

TEST_CASE("an answer of HTTP that may pass is tried again") {
  TestRelay relay;
  TestRelay::Manners manners;
  manners.status = 503;
  relay.behave(manners);
  Camera camera(settings_for(relay.url()));
  camera.events.record.wait_for(
      "lost 127.0.0.1:" + std::to_string(relay.port()) + " answered 503 Service Unavailable", 2);
  relay.behave({});
  camera.add(4);
  camera.publisher.finish();
  CHECK(camera.events.record.wait_for_end().cause == Ending::Cause::done);
}

TEST_CASE("a server of another protocol is no relay") {
  TestRelay relay;
  TestRelay::Manners manners;
  manners.protocol = "chat";
  relay.behave(manners);
  Camera camera(settings_for(relay.url()));
  const Ending ending = camera.events.record.wait_for_end();
  CHECK(ending.cause == Ending::Cause::refused);
  CHECK(ending.detail.ends_with("speaks WebSocket but not spancast.v1; is it a Spancast relay?"));
}

TEST_CASE("a relay that sends text is left") {
  TestRelay relay;
  TestRelay::Manners manners;
  manners.sends_text = true;
  relay.behave(manners);
  Camera camera(settings_for(relay.url()));
  camera.events.record.wait_for("lost the relay sent text", 1);
}

TEST_CASE("a relay that is silent in spite of a ping is taken for lost") {
  TestRelay relay;
  TestRelay::Manners manners;
  manners.is_dead = true;
  relay.behave(manners);
  auto settings = settings_for(relay.url());
  settings.idle = std::chrono::milliseconds(30);
  Camera camera(settings);
  camera.add(4);
  camera.events.record.wait_for("lost the relay at the other end has been silent for too long", 1);
  relay.behave({});
  camera.publisher.finish();
  CHECK(camera.events.record.wait_for_end().cause == Ending::Cause::done);
  check_log(relay, 0, 4);
}

TEST_CASE("it may be destroyed at any time") {
  TestRelay relay;
  for (int time = 0; time < 20; ++time) {
    Camera camera(settings_for(relay.url()));
    camera.add(static_cast<std::size_t>(time));
    if (time % 3 == 0) camera.publisher.finish();
  }
}

}  // namespace client

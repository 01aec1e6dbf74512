#include "relay/protocol/wire/camera.hpp"

#include <doctest/doctest.h>

#include "tests/unit/protocol/wire/messages.hpp"

namespace wire {
namespace {

using test::epoch;
using test::expect;
using test::expect_sent;

struct Rig {
  explicit Rig(KeepPolicy keep = {}) : camera({"live/cam", keep}, epoch) {
    camera.set_tracks(test::make_tracks().tracks);
  }
  /// So many chunks, every fourth sync, ten a second.
  void add(std::uint64_t count) {
    for (; count > 0; --count) {
      const std::uint64_t sequence = camera.end().sequence;
      const bool sync = sequence % 4 == 0;
      const auto added = camera.add(
          {test::utc_of(sequence), sync, 0, 0, 0, test::make_samples(memory, sequence, sync)}, now);
      CHECK(added.value() == Position{epoch, sequence});
      now += std::chrono::milliseconds(100);
    }
  }
  Hello connect() {
    camera.on_connected();
    return expect_sent<Hello>(memory, camera);
  }
  void send(const Message& message) {
    camera.on_message(read_message(memory.put_whole(test::flat(write_message(message)))));
  }
  void ack(std::uint64_t received) { send(Ack{{epoch, received}, {epoch, 0}}); }
  void expect_chunks(std::uint64_t from, std::uint64_t to) {
    for (; from < to; ++from) {
      const Chunk chunk = expect_sent<Chunk>(memory, camera);
      CHECK(chunk.position == Position{epoch, from});
      CHECK(chunk.checksum == checksum_of(chunk.samples));
      CHECK(chunk.utc == test::utc_of(from));
    }
    CHECK(!camera.poll());
  }

  test::Memory memory;
  base::Time now{std::chrono::hours(1)};
  Camera camera;
};

}  // namespace

TEST_CASE("a camera says what it has and sends what the relay lacks") {
  Rig rig;
  rig.add(6);
  CHECK(!rig.camera.poll());
  const Hello hello = rig.connect();
  CHECK(hello.stream == "live/cam");
  CHECK(hello.token.empty());
  CHECK(hello.epoch == epoch);
  CHECK(hello.tracks == Tracks{1, test::make_tracks().tracks});
  CHECK(hello.first_sequence == 0);
  CHECK(hello.sync_sequence == 0);
  CHECK(hello.next_sequence == 6);
  CHECK(!rig.camera.poll());
  rig.send(Welcome{"token", 2});
  CHECK(rig.camera.unsent() == 4);
  rig.expect_chunks(2, 6);
  rig.add(1);
  rig.expect_chunks(6, 7);
  CHECK(rig.camera.counters().repeated == 0);
}

TEST_CASE("a source that was away is a number left out that a gap names") {
  Rig rig;
  rig.camera.skip();  // before the first chunk nothing is missing
  rig.add(4);
  rig.camera.skip();
  rig.camera.skip();
  const auto added = rig.camera.add(
      {test::utc_of(50), true, 0, 0, 0, test::make_samples(rig.memory, 50, true)}, rig.now);
  CHECK(added.value() == Position{epoch, 5});
  CHECK(rig.camera.counters().skipped == 1);
  CHECK(rig.connect().next_sequence == 6);
  rig.send(Welcome{"token", 3});
  CHECK(expect_sent<Chunk>(rig.memory, rig.camera).position.sequence == 3);
  const Gap gap = expect_sent<Gap>(rig.memory, rig.camera);
  CHECK(gap.from == Position{epoch, 4});
  CHECK(gap.to == Position{epoch, 5});
  CHECK(gap.from_utc == test::utc_of(3));
  CHECK(gap.to_utc == test::utc_of(50));
  CHECK(expect_sent<Chunk>(rig.memory, rig.camera).position.sequence == 5);
  rig.ack(6);
  // A relay that was restarted hears it again.
  rig.connect();
  rig.send(Welcome{"token", 4});
  CHECK(expect_sent<Gap>(rig.memory, rig.camera).to == Position{epoch, 5});
  CHECK(rig.camera.counters().lost == 0);
}

TEST_CASE("what is over a limit of the wire is not taken") {
  Rig rig;
  const auto add = [&](std::vector<media::Sample> samples) {
    return rig.camera.add({{}, true, 0, 0, 0, std::move(samples)}, rig.now).error();
  };
  CHECK(add({}) == make_error_code(Errc::no_samples));
  CHECK(add(std::vector<media::Sample>(samples_max + 1)) ==
        make_error_code(Errc::too_many_samples));
  std::vector<media::Sample> samples(257);
  const std::string text(payload_bytes_max / 256, 'x');
  const memory::WindowList payload = rig.memory.put_whole(text);
  for (std::size_t index = 0; index < 256; ++index) samples[index].payload = payload;
  CHECK(add(samples) == base::Error{});
  samples[256].payload = rig.memory.put_whole("x");
  CHECK(add(samples) == make_error_code(Errc::payload_too_large));
  CHECK(rig.camera.end() == Position{epoch, 1});
}

TEST_CASE("the next connection shows the token and goes on where the relay is") {
  Rig rig;
  rig.add(6);
  rig.connect();
  rig.send(Welcome{"token", 0});
  rig.expect_chunks(0, 6);
  rig.camera.on_disconnected();
  rig.add(2);
  CHECK(!rig.camera.poll());
  CHECK(rig.connect().token == "token");
  rig.send(Welcome{"token", 5});
  rig.expect_chunks(5, 8);
  CHECK(rig.camera.counters().repeated == 1);
  CHECK(rig.camera.counters().welcomes == 2);
}

TEST_CASE("what is not acknowledged outlives the keep and what is does not") {
  Rig rig({std::chrono::seconds(1), 1 << 20});
  rig.add(40);
  CHECK(rig.connect().first_sequence == 0);
  rig.send(Welcome{"token", 0});
  rig.expect_chunks(0, 40);
  rig.ack(30);
  CHECK(rig.camera.acknowledged() == 30);
  rig.add(1);
  CHECK(rig.connect().first_sequence == 30);
  rig.send(Welcome{"token", 41});
  rig.add(1);
  CHECK(rig.connect().first_sequence == 31);
  CHECK(rig.connect().sync_sequence == 32);
  CHECK(rig.camera.counters().lost == 0);
}

TEST_CASE("what the relay wants and nobody has is a gap up to a sync chunk") {
  Rig rig({std::chrono::seconds(1), 300});  // room for about twenty chunks
  rig.connect();
  rig.add(39);
  rig.send(Welcome{"token", 0});
  const Gap gap = expect_sent<Gap>(rig.memory, rig.camera);
  CHECK(gap.from == Position{epoch, 0});
  CHECK(gap.to.sequence % 4 == 0);
  CHECK(gap.to.sequence > 20);
  CHECK(gap.to_utc == test::utc_of(gap.to.sequence));
  CHECK(gap.reason == GapReason::lost);
  CHECK(rig.camera.counters().lost > 0);
  rig.expect_chunks(gap.to.sequence, 39);
}

TEST_CASE("a camera that falls behind its own keep says so on the same connection") {
  Rig rig({std::chrono::seconds(1), 300});
  rig.connect();
  rig.send(Welcome{"token", 0});
  rig.add(3);
  rig.expect_chunks(0, 3);
  rig.add(40);  // while the socket has no room
  const Gap gap = expect_sent<Gap>(rig.memory, rig.camera);
  CHECK(gap.from == Position{epoch, 3});
  rig.expect_chunks(gap.to.sequence, 43);
}

TEST_CASE("without a sync chunk a camera waits for one behind a gap") {
  Rig rig({std::chrono::seconds(1), 30});  // two chunks
  rig.connect();
  rig.send(Welcome{"token", 0});
  rig.add(8);  // the last ones kept are 6 and 7
  CHECK(!rig.camera.poll());
  rig.add(1);
  CHECK(expect_sent<Gap>(rig.memory, rig.camera).to == Position{epoch, 8});
  rig.expect_chunks(8, 9);
}

TEST_CASE("tracks are sent before the first chunk that uses them") {
  Rig rig;
  rig.add(2);
  Tracks other = test::make_tracks(2);
  rig.camera.set_tracks(other.tracks);
  rig.camera.set_tracks(other.tracks);  // the same again says nothing
  rig.add(2);
  CHECK(rig.connect().tracks.version == 1);
  rig.send(Welcome{"token", 1});
  CHECK(expect_sent<Chunk>(rig.memory, rig.camera).tracks_version == 1);
  CHECK(expect_sent<Tracks>(rig.memory, rig.camera) == other);
  rig.expect_chunks(2, 4);
  rig.camera.on_disconnected();
  rig.connect();
  rig.send(Welcome{"token", 3});  // the relay knows what Hello said only
  CHECK(expect_sent<Tracks>(rig.memory, rig.camera) == other);
  rig.expect_chunks(3, 4);
}

TEST_CASE("a relay that asks for what cannot be is left") {
  for (const std::uint64_t next : {3u, 7u, 1000u}) {
    Rig rig({std::chrono::seconds(0), 1 << 20});
    rig.add(6);
    rig.connect();
    rig.send(Welcome{"token", 6});
    rig.add(1);  // drops what came before chunk 4
    CHECK(rig.connect().first_sequence == 4);
    rig.send(Welcome{"token", next});
    if (next == 7) {
      CHECK(!rig.camera.poll());
    } else {
      test::expect_bye(rig.memory, rig.camera, ByeReason::bad_sequence);
    }
  }
}

TEST_CASE("an acknowledgement of what was not sent is refused") {
  for (const Position received : {Position{epoch, 3}, Position{epoch + 1, 1}}) {
    Rig rig;
    rig.add(2);
    rig.connect();
    rig.send(Welcome{"token", 0});
    rig.expect_chunks(0, 2);
    rig.send(Ack{received, {epoch, 0}});
    test::expect_bye(rig.memory, rig.camera, ByeReason::bad_sequence);
  }
}

TEST_CASE("acknowledgements do not go back and durable stays behind received") {
  Rig rig;
  rig.add(4);
  rig.connect();
  rig.send(Welcome{"token", 0});
  rig.expect_chunks(0, 4);
  rig.ack(3);
  rig.ack(2);
  CHECK(rig.camera.acknowledged() == 3);
  rig.send(Ack{{epoch, 3}, {epoch, 9}});
  CHECK(rig.camera.durable() == 3);
}

TEST_CASE("a relay that lost its memory makes durable and acknowledged nothing again") {
  Rig rig;
  rig.add(4);
  rig.connect();
  rig.send(Welcome{"token", 0});
  rig.expect_chunks(0, 4);
  rig.send(Ack{{epoch, 4}, {epoch, 2}});
  rig.connect();
  rig.send(Welcome{"token", 0});
  CHECK(rig.camera.acknowledged() == 0);
  CHECK(rig.camera.durable() == 0);
  rig.expect_chunks(0, 4);
  CHECK(rig.camera.counters().repeated == 4);
}

TEST_CASE("messages of a relay that do not belong to a camera are refused") {
  test::Memory memory;
  const Message wrong[] = {
      Hello{{}, {}, 1, {}, 0, 0, 0},   Play{},  test::make_chunk(memory, {1, 1}),
      Gap{{1, 1}, {1, 2}, {}, {}, {}}, Pause{}, Welcome{"again", 0}};
  for (const Message& message : wrong) {
    Rig rig;
    rig.connect();
    rig.send(Welcome{"token", 0});
    rig.send(message);
    test::expect_bye(rig.memory, rig.camera, ByeReason::bad_message);
  }
  Rig rig;
  rig.connect();
  rig.ack(0);
  test::expect_bye(rig.memory, rig.camera, ByeReason::bad_message);
}

TEST_CASE("a Bye ends the connection and says when to come back") {
  Rig rig;
  rig.add(1);
  rig.connect();
  rig.send(Bye{ByeReason::in_use, Milliseconds(700), "taken"});
  const Close close = expect<Close>(rig.camera);
  CHECK(close.by_peer);
  CHECK(close.reason == ByeReason::in_use);
  CHECK(close.retry_after == Milliseconds(700));
  CHECK(close.detail == "taken");
  CHECK(!rig.camera.poll());
  rig.send(Welcome{"token", 0});
  CHECK(!rig.camera.poll());
  rig.connect();  // as after any loss
}

TEST_CASE("what a relay sent that cannot be read ends the connection") {
  Rig rig;
  rig.connect();
  rig.camera.on_message(Errc::bad_envelope);
  test::expect_bye(rig.memory, rig.camera, ByeReason::bad_message);
}

TEST_CASE("a camera says Bye once everything is acknowledged") {
  Rig rig;
  rig.add(2);
  rig.connect();
  rig.send(Welcome{"token", 0});
  rig.camera.finish();
  rig.expect_chunks(0, 2);
  rig.ack(1);
  CHECK(!rig.camera.poll());
  rig.ack(2);
  test::expect_bye(rig.memory, rig.camera, ByeReason::ended);
}

TEST_CASE("a camera that ends behind a gap without a sync chunk still ends") {
  Rig rig({std::chrono::seconds(1), 30});
  rig.connect();
  rig.send(Welcome{"token", 0});
  rig.add(8);
  rig.camera.finish();
  CHECK(expect_sent<Gap>(rig.memory, rig.camera).to == Position{epoch, 8});
  rig.ack(8);
  test::expect_bye(rig.memory, rig.camera, ByeReason::ended);
}

TEST_CASE("unknown messages of a newer relay are passed over") {
  Rig rig;
  rig.add(1);
  rig.connect();
  rig.send(Unknown{});
  rig.send(Welcome{"token", 0});
  rig.send(Unknown{});
  rig.expect_chunks(0, 1);
}

}  // namespace wire

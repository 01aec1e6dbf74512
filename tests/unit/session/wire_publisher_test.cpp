#include "relay/session/wire_publisher.hpp"

#include "tests/unit/session/wire_rig.hpp"

namespace session {
namespace {

using namespace std::chrono_literals;
using wire::test::epoch;
using wire::test::make_chunk;

struct Rig final : WirePublisher::Events {
  explicit Rig(std::size_t arena_bytes = 16 << 20, base::Duration ahead = 1h)
      : arena(arena_bytes, 64 << 10),
        home("live/cam", {{1h, 1 << 30}, {}, {15s, 5s, ahead}}, fanout, pool, 1, base::utc_now()) {
    connect();
  }
  ~Rig() {
    publisher.reset();
    link.reset();
    ::test::run_turns(worker, 2);
  }
  void connect(std::uint64_t next = 0) {
    wire::Hello hello;
    hello.epoch = epoch;
    hello.tracks = wire::test::make_tracks();
    hello.next_sequence = hello.sync_sequence = hello.first_sequence = next;
    publisher = std::make_unique<WirePublisher>(1, worker, pool, test::make_link(worker, peer),
                                                *this, home, std::move(hello));
    publisher->start("token");
  }

  void on_publisher_end(WirePublisher& one, PublisherEnd why,
                        const std::string& detail) noexcept override {
    end = why;
    reason = detail;
    link = one.take_link();
    link->set_events(nullptr);
  }
  bool may_take_block(Publisher&) noexcept override { return has_blocks; }
  void on_appended_by_timer() noexcept override {}

  const stream::StreamLog& log() { return home.stream().log(); }
  std::string chunk(std::uint64_t sequence, bool sync = false) {
    return wire::test::flat(
        wire::write_message(make_chunk(peer.memory(), {epoch, sequence}, sync)));
  }
  void send_chunk(std::uint64_t sequence, bool sync = false) {
    peer.send_raw(::test::write({.payload = chunk(sequence, sync)}));
  }
  void await(auto condition) { ::test::run_until(worker, condition); }
  std::string payload_at(std::uint64_t sequence) {
    std::string text;
    for (const media::Sample& sample : log().at(sequence).samples) {
      text += wire::test::text_of(sample.payload) + ".";
    }
    return text;
  }

  loop::Worker worker{0};
  memory::Arena arena;
  memory::BlockPool pool{arena};
  stream::Fanout fanout;
  stream::Home home;
  test::WirePeer peer;
  std::unique_ptr<WirePublisher> publisher;
  std::unique_ptr<WireLink> link;
  std::optional<PublisherEnd> end;
  std::string reason;
  bool has_blocks = true;
};

}  // namespace

TEST_CASE("a wire publisher is welcomed and its chunks become the stream") {
  Rig rig;
  rig.send_chunk(0, true);
  rig.send_chunk(1);
  rig.await([&] { return rig.log().end() == 2 && !rig.peer.messages<wire::Ack>().empty(); });
  CHECK(rig.peer.messages<wire::Welcome>().at(0).token == "token");
  CHECK(rig.peer.messages<wire::Ack>().back().received == wire::Position{epoch, 2});
  CHECK(rig.log().at(1).position == wire::Position{epoch, 1});
  CHECK(rig.payload_at(0) == "video 0.audio 0.");
  CHECK(rig.payload_at(1) == "video 1.audio 1.");
  CHECK(rig.home.tracks().size() == 2);
  CHECK(rig.publisher->counts().chunks == 2);
  CHECK_FALSE(rig.end);
}

TEST_CASE("a message in frames of one byte is not a window for each") {
  Rig rig;
  wire::Chunk chunk = make_chunk(rig.peer.memory(), {epoch, 0}, true);
  chunk.samples[0].payload = rig.peer.memory().put_whole(std::string(1000, 'x'));
  chunk.checksum = wire::checksum_of(chunk.samples);
  std::vector<std::string> bytes;
  for (const char byte : wire::test::flat(wire::write_message(chunk))) bytes.emplace_back(1, byte);
  rig.peer.send_raw(::test::write_message(websocket::Opcode::binary, bytes));
  rig.send_chunk(1);
  rig.await([&] { return rig.log().end() == 2; });
  CHECK(rig.payload_at(0) == std::string(1000, 'x') + ".audio 0.");
  CHECK(rig.payload_at(1) == "video 1.audio 1.");
  std::size_t windows = 0;
  for (const media::Sample& sample : rig.log().at(0).samples) windows += sample.payload.count();
  CHECK(windows <= BlockIntake::runs_per_block_max + 2);
}

TEST_CASE("a publisher that comes back with its epoch goes on where the log ends") {
  Rig rig;
  rig.send_chunk(0, true);
  rig.await([&] { return rig.log().end() == 1; });
  rig.peer.socket().close();
  rig.await([&] { return rig.end.has_value(); });
  CHECK(rig.end == PublisherEnd::broken);
  rig.end.reset();
  rig.connect(5);
  rig.await([&] { return !rig.peer.messages<wire::Welcome>().empty(); });
  // It keeps nothing: what lies between is a gap.
  CHECK(rig.peer.messages<wire::Welcome>()[0].next_sequence == 5);
  rig.send_chunk(5, true);
  rig.await([&] { return rig.log().end() == 2; });
  CHECK(rig.log().at(1).gap == wire::GapReason::lost);
  CHECK(rig.log().at(1).discontinuity == rig.log().at(0).discontinuity + 1);
}

TEST_CASE("what is on disk is acknowledged as durable without another chunk") {
  Rig rig;
  rig.send_chunk(0, true);
  rig.send_chunk(1);
  rig.await([&] { return !rig.peer.messages<wire::Ack>().empty(); });
  CHECK(rig.peer.messages<wire::Ack>().back().durable == wire::Position{epoch, 0});
  rig.publisher->on_durable({epoch + 1, 7});  // of another publisher, before
  rig.publisher->on_durable({epoch, 2});
  rig.await([&] { return rig.peer.messages<wire::Ack>().back().durable.sequence != 0; });
  CHECK(rig.peer.messages<wire::Ack>().back().durable == wire::Position{epoch, 2});
}

TEST_CASE("the end of a stream is told apart from a lost connection") {
  Rig rig;
  rig.send_chunk(0, true);
  rig.peer.send(wire::Bye{wire::ByeReason::ended, {}, {}});
  rig.await([&] { return rig.end.has_value(); });
  CHECK(rig.end == PublisherEnd::finished);
  CHECK(rig.log().end() == 1);
  rig.await([&] { return rig.peer.close_code().has_value(); });
  CHECK(rig.peer.messages<wire::Ack>().back().received == wire::Position{epoch, 1});
}

TEST_CASE("what is wrong ends it with a Bye and keeps what came before") {
  Rig rig;
  rig.send_chunk(0, true);
  rig.send_chunk(2);
  rig.await([&] { return rig.end.has_value(); });
  CHECK(rig.end == PublisherEnd::bad_message);
  CHECK(rig.publisher->said_bye() == wire::ByeReason::bad_sequence);
  rig.await([&] { return rig.peer.close_code().has_value(); });
  CHECK(rig.peer.messages<wire::Bye>().at(0).reason == wire::ByeReason::bad_sequence);
  CHECK(rig.log().end() == 1);
}

TEST_CASE("who is replaced or drained is told so behind the last acknowledgement") {
  for (const auto& [end, reason] : {std::pair{PublisherEnd::replaced, wire::ByeReason::replaced},
                                    {PublisherEnd::drain, wire::ByeReason::drain}}) {
    Rig rig;
    rig.send_chunk(0, true);
    rig.await([&] { return rig.log().end() == 1; });
    rig.publisher->end(end, "because");
    rig.publisher->end(end, "twice");
    CHECK(rig.end == end);
    rig.await([&] { return rig.peer.close_code().has_value(); });
    CHECK(rig.peer.messages<wire::Ack>().back().received.sequence == 1);
    CHECK(rig.peer.messages<wire::Bye>().at(0).reason == reason);
  }
}

TEST_CASE("without memory a camera is sent away and keeps what it has") {
  Rig rig;
  rig.has_blocks = false;
  rig.send_chunk(0, true);
  rig.await([&] { return rig.publisher->is_paused(); });
  CHECK_FALSE(rig.publisher->on_nothing_freed(false));
  CHECK(rig.publisher->on_nothing_freed(true));
  rig.await([&] { return rig.end.has_value(); });
  CHECK(rig.end == PublisherEnd::memory);
  rig.await([&] { return rig.peer.close_code().has_value(); });
  const auto bye = rig.peer.messages<wire::Bye>().at(0);
  CHECK(bye.reason == wire::ByeReason::overload);
  CHECK(bye.retry_after == WirePublisher::overload_retry);
}

TEST_CASE("media that runs ahead of the clock is waited for") {
  Rig rig(16 << 20, 200ms);
  // A thirtieth of a second each.
  for (std::uint64_t sequence = 0; sequence < 20; ++sequence) {
    rig.send_chunk(sequence, sequence == 0);
  }
  rig.await([&] { return rig.publisher->is_paused(); });
  CHECK(rig.log().end() < 10);
  rig.await([&] { return rig.log().end() == 20; });
}

TEST_CASE("many messages become chunks over several turns") {
  Rig rig;
  std::string all;
  for (std::uint64_t sequence = 0; sequence < 150; ++sequence) {
    all += ::test::write({.payload = rig.chunk(sequence, sequence == 0)});
  }
  rig.peer.send_raw(all);
  rig.await([&] { return rig.publisher->is_paused(); });
  CHECK(rig.log().end() == WirePublisher::messages_per_turn_max);
  rig.await([&] { return rig.log().end() == 150; });
}

}  // namespace session

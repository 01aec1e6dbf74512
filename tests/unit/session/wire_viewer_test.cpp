#include "relay/session/wire_viewer.hpp"

#include "relay/session/wire_ingest.hpp"
#include "tests/unit/session/wire_rig.hpp"

namespace session {
namespace {

using namespace std::chrono_literals;
using wire::test::epoch;

struct Rig final : WireViewer::Events {
  Rig() : turn_end(worker, loop::bind<&Rig::on_turn_end>(this)) {
    ingest.set_tracks(wire::test::make_tracks());
  }
  ~Rig() {
    viewer.reset();
    link.reset();
    ::test::run_turns(worker, 2);
  }

  void watch(wire::Play play = {}) {
    stream::ViewerPolicy policy{stream::SlowPolicy::skip, 1h, 30s, 256 * 1024,
                                base::Duration::zero()};
    viewer = std::make_unique<WireViewer>(
        1, worker, start_link(), *this,
        WireViewer::Request{"live/cam", "fresh", policy, 2s, std::move(play)});
  }
  std::unique_ptr<WireLink> start_link() {
    auto made = test::make_link(worker, peer);
    made->start({}, {});
    return made;
  }
  void on_viewer_end(WireViewer& one, ViewerEnd why) noexcept override {
    end = why;
    link = one.take_link();
    link->set_events(nullptr);
  }
  bool on_viewer_elsewhere(WireViewer& one, wire::Position next, bool) noexcept override {
    elsewhere = next;
    one.leave();
    return true;
  }
  void on_viewer_moved(WireViewer& one) noexcept override { moved = one.wants(); }
  bool has_position(const stream::Stream&, const wire::Start&) noexcept override {
    return has_positions;
  }
  void on_turn_end() noexcept { turn_end.keep_turning(fanout.run(base::monotonic_now()).now); }

  void append(std::uint64_t sequence, bool sync = false, std::uint32_t version = 1) {
    auto chunk = ingest.take(wire::test::make_chunk(messages, {epoch, sequence}, sync, version),
                             base::monotonic_now(), wire::test::utc_of(sequence));
    REQUIRE(chunk);
    home.append(std::move(*chunk));
  }
  /// From 0 on; every fifth is a sync chunk.
  void append_first(std::uint64_t count) {
    for (std::uint64_t number = 0; number < count; ++number) append(number, number % 5 == 0);
  }
  /// A stream of what is read back, and a chunk of it that the live one has, too.
  std::unique_ptr<stream::Stream> make_past() {
    const stream::PathPolicy policy{{1h, 64 << 20}, {}, {}};
    return std::make_unique<stream::Stream>("live/cam", policy, fanout, messages.pool(), 0, true);
  }
  void read_back(std::uint64_t sequence, stream::Stream& past, wire::GapReason gap = {}) {
    stream::ChunkParcel parcel(home.stream().log().at(sequence));
    stream::Chunk chunk = parcel.open(messages.pool());
    chunk.sequence = past.log().end();
    if (gap != wire::GapReason::unspecified) chunk.gap = gap;
    past.append(std::move(chunk));
  }
  std::vector<std::uint64_t> sequences() {
    std::vector<std::uint64_t> found;
    for (const wire::Chunk& chunk : peer.messages<wire::Chunk>()) {
      found.push_back(chunk.position.sequence);
    }
    return found;
  }
  using Sequences = std::vector<std::uint64_t>;
  void await(auto condition) { ::test::run_until(worker, condition); }

  loop::Worker worker{0};
  memory::Arena arena{16 << 20, 64 << 10};
  memory::BlockPool pool{arena};
  wire::test::Memory messages;
  stream::Fanout fanout;
  stream::Home home{"live/cam", {{15s, 64 << 20}, {}, {}}, fanout, pool, 1, base::utc_now()};
  WireIngest ingest{home, false, 0, base::monotonic_now()};
  test::WirePeer peer;
  std::unique_ptr<WireViewer> viewer;
  std::unique_ptr<WireLink> link;
  std::optional<ViewerEnd> end;
  std::optional<wire::Position> elsewhere;
  std::optional<wire::Start> moved;
  bool has_positions = true;
  loop::TurnEnd turn_end;
};

}  // namespace

TEST_CASE("a wire viewer is told where it begins and gets every chunk as it was made") {
  Rig rig;
  rig.append_first(8);
  rig.watch();
  CHECK(rig.viewer->is_waiting());
  rig.viewer->start(rig.home.stream());
  CHECK_FALSE(rig.viewer->is_waiting());
  rig.await([&] { return rig.sequences() == Rig::Sequences{5, 6, 7}; });
  const auto playing = rig.peer.messages<wire::Playing>().at(0);
  CHECK(playing.start == wire::Position{epoch, 5});
  CHECK(playing.tracks == wire::test::make_tracks());
  CHECK(playing.token == "fresh");
  const auto chunk = rig.peer.messages<wire::Chunk>().at(1);
  const auto made = wire::test::make_chunk(rig.messages, {epoch, 6});
  CHECK(wire::test::payload_of(chunk) == wire::test::payload_of(made));
  CHECK(chunk.checksum == made.checksum);
  CHECK(chunk.samples[0].dts == made.samples[0].dts);
  rig.append(8);
  rig.await([&] { return rig.sequences().back() == 8; });
}

TEST_CASE("a viewer that was there before the stream gets all of it") {
  Rig rig;
  rig.watch();
  rig.viewer->expect_beginning();
  rig.viewer->start(rig.home.stream());
  rig.append(0, true);
  rig.append(1, true);
  rig.await([&] { return rig.sequences() == Rig::Sequences{0, 1}; });
  // It has begun: it goes on where it comes back, or elsewhere.
  rig.viewer->leave();
  rig.viewer->start(rig.home.stream());
  rig.append(2);
  rig.await([&] { return rig.sequences() == Rig::Sequences{0, 1, 2}; });
  CHECK(rig.peer.messages<wire::Playing>().size() == 1);
}

TEST_CASE("a viewer seeks and pauses on one connection") {
  Rig rig;
  rig.append_first(8);
  rig.watch();
  rig.viewer->start(rig.home.stream());
  rig.await([&] { return rig.sequences().size() == 3; });
  rig.peer.send(wire::Pause{});
  rig.peer.send(wire::Seek{wire::Position{epoch, 2}, 9});
  rig.await([&] { return rig.peer.messages<wire::Playing>().size() == 2; });
  CHECK(rig.peer.messages<wire::Playing>()[1].request == 9);
  ::test::run_turns(rig.worker, 3);
  CHECK(rig.sequences().size() == 3);
  rig.peer.send(wire::Resume{});
  rig.await([&] { return rig.sequences() == Rig::Sequences{5, 6, 7, 2, 3, 4, 5, 6, 7}; });
}

TEST_CASE("a viewer is sent elsewhere for what its stream does not have") {
  Rig rig;
  rig.append_first(8);
  rig.watch();
  rig.viewer->start(rig.home.stream());
  rig.await([&] { return rig.sequences().size() == 3; });
  rig.has_positions = false;
  rig.peer.send(wire::Seek{wire::Position{epoch, 2}, 9});
  rig.await([&] { return rig.moved.has_value(); });
  CHECK(*rig.moved == wire::Start(wire::Position{epoch, 2}));
  CHECK(rig.viewer->is_waiting());
  // It is found in another stream, at this chunk.
  const auto past = rig.make_past();
  for (std::uint64_t sequence = 1; sequence < 5; ++sequence) rig.read_back(sequence, *past);
  rig.viewer->start(*past, stream::Entry{1, false, {}, false});
  rig.await([&] { return rig.sequences() == Rig::Sequences{5, 6, 7, 2, 3, 4}; });
  CHECK(rig.peer.messages<wire::Playing>().at(1).start == wire::Position{epoch, 2});
  CHECK(rig.peer.messages<wire::Gap>().empty());
  // That one ends, and the player is told of nothing as long as it is looked for.
  std::size_t most = 8;
  past->end_finished(most, wire::Position{epoch, 5});
  CHECK(rig.elsewhere == wire::Position{epoch, 5});
  rig.viewer->start(rig.home.stream(), stream::Entry{5, false, {}, false});
  rig.await([&] { return rig.sequences() == Rig::Sequences{5, 6, 7, 2, 3, 4, 5, 6, 7}; });
  CHECK(rig.peer.messages<wire::Gap>().empty());
  CHECK(rig.peer.messages<wire::Tracks>().empty());
  rig.viewer->cut_off(ViewerEnd::drain);
}

TEST_CASE("a viewer whose past has ended waits for what comes") {
  Rig rig;
  const auto past = rig.make_past();
  rig.append(0, true);
  rig.read_back(0, *past);
  rig.watch({wire::Position{epoch, 0}, {}, {}, {}, {}, {}});
  rig.viewer->start(*past, stream::Entry{0, false, {}, false});
  rig.await([&] { return rig.sequences().size() == 1; });
  std::size_t most = 8;
  past->end_finished(most);
  CHECK(rig.moved == wire::Start(wire::Position{epoch, 1}));
  CHECK_FALSE(rig.end);
  rig.viewer->on_time(base::monotonic_now() + 1s);
  CHECK_FALSE(rig.end);
  rig.viewer->on_time(base::monotonic_now() + 3s);
  CHECK(rig.end == ViewerEnd::not_found);
  rig.await([&] { return !rig.peer.messages<wire::Bye>().empty(); });
  CHECK(rig.peer.messages<wire::Bye>()[0].reason == wire::ByeReason::not_found);
}

TEST_CASE("a player that plays faster is told of no numbers that it does not get") {
  Rig rig;
  const auto past = rig.make_past();
  rig.append_first(30);
  for (std::uint64_t sequence = 0; sequence < 30; sequence += 5) {
    rig.read_back(sequence, *past, sequence == 15 ? wire::GapReason::restart : wire::GapReason{});
  }
  wire::Play play;
  play.start = wire::Position{epoch, 2};
  play.speed = 400;
  rig.watch(play);
  CHECK(rig.viewer->is_fast());
  rig.viewer->start(*past, stream::Entry{1, false, {}, false});
  rig.await([&] { return rig.sequences() == Rig::Sequences{5, 10, 15, 20, 25}; });
  const auto gaps = rig.peer.messages<wire::Gap>();
  REQUIRE(gaps.size() == 1);
  CHECK(gaps[0].to == wire::Position{epoch, 15});
  CHECK(gaps[0].reason == wire::GapReason::restart);
  rig.viewer->cut_off(ViewerEnd::drain);
}

TEST_CASE("what is missing and what changes is told before the next chunk") {
  Rig rig;
  rig.append(0, true);
  rig.watch();
  rig.viewer->start(rig.home.stream());
  rig.await([&] { return rig.sequences().size() == 1; });
  rig.ingest.on_gap({{epoch, 1}, {epoch, 4}, {}, {}, wire::GapReason::lost});
  rig.ingest.set_tracks(wire::test::make_tracks(2));
  rig.append(4, true, 2);
  rig.await([&] { return rig.sequences().size() == 2; });
  const auto gaps = rig.peer.messages<wire::Gap>();
  REQUIRE(gaps.size() == 1);
  CHECK(gaps[0].from == wire::Position{epoch, 1});
  CHECK(gaps[0].to == wire::Position{epoch, 4});
  CHECK(gaps[0].reason == wire::GapReason::lost);
  CHECK(rig.peer.messages<wire::Tracks>().at(0) == wire::test::make_tracks(2));
}

TEST_CASE("a stream that was lost is not found and one that was ended is over") {
  for (const bool is_lost : {false, true}) {
    Rig rig;
    rig.append(0, true);
    rig.watch();
    rig.viewer->start(rig.home.stream());
    rig.await([&] { return rig.sequences().size() == 1; });
    rig.home.stream().set_lost(is_lost);
    rig.home.stream().end();
    CHECK(rig.end == (is_lost ? ViewerEnd::not_found : ViewerEnd::stream_end));
    rig.await([&] { return rig.peer.close_code().has_value(); });
    CHECK(rig.peer.messages<wire::Bye>().at(0).reason ==
          (is_lost ? wire::ByeReason::not_found : wire::ByeReason::ended));
  }
}

TEST_CASE("every end has its Bye") {
  for (const auto& [end, reason] : {std::pair{ViewerEnd::stream_end, wire::ByeReason::ended},
                                    {ViewerEnd::drain, wire::ByeReason::drain},
                                    {ViewerEnd::slow, wire::ByeReason::too_slow}}) {
    Rig rig;
    rig.append(0, true);
    rig.watch();
    rig.viewer->start(rig.home.stream());
    rig.await([&] { return rig.sequences().size() == 1; });
    rig.viewer->end(end);
    rig.viewer->end(ViewerEnd::pinned);
    CHECK(rig.end == end);
    rig.await([&] { return rig.peer.close_code().has_value(); });
    CHECK(rig.peer.messages<wire::Bye>().at(0).reason == reason);
    CHECK(rig.viewer->said_bye() == reason);
    CHECK(rig.home.stream().viewers() == 0);
  }
}

TEST_CASE("a viewer ends where it wanted to") {
  Rig rig;
  for (std::uint64_t sequence = 0; sequence < 8; ++sequence) rig.append(sequence, sequence == 0);
  wire::Play play;
  play.start = wire::Position{epoch, 2};
  play.until = wire::Position{epoch, 5};
  rig.watch(play);
  rig.viewer->start(rig.home.stream());
  rig.await([&] { return rig.end.has_value(); });
  CHECK(rig.end == ViewerEnd::until);
  rig.await([&] { return rig.peer.close_code().has_value(); });
  CHECK(rig.sequences() == Rig::Sequences{2, 3, 4});
}

TEST_CASE("what does not come in time is not found") {
  Rig rig;
  rig.watch();
  rig.viewer->on_time(base::monotonic_now() + 1s);
  CHECK_FALSE(rig.end);
  rig.viewer->on_time(base::monotonic_now() + 3s);
  CHECK(rig.end == ViewerEnd::not_found);
  rig.await([&] { return rig.peer.close_code().has_value(); });
  CHECK(rig.peer.messages<wire::Bye>().at(0).reason == wire::ByeReason::not_found);
}

TEST_CASE("a viewer that says what it may not is sent away") {
  Rig rig;
  rig.watch();
  rig.peer.send(wire::Hello{});
  rig.await([&] { return rig.end.has_value(); });
  CHECK(rig.end == ViewerEnd::bad_message);
  Rig gone;
  gone.watch();
  gone.peer.socket().close();
  gone.await([&] { return gone.end.has_value(); });
  CHECK(gone.end == ViewerEnd::client);
}

TEST_CASE("an idle viewer keeps less than 2 KiB") {
  // What it and its link allocate besides: names and a token, and the socket's handle.
  constexpr std::size_t handle_bytes = 300;
  constexpr std::size_t strings_bytes = 256;
  constexpr std::size_t map_bytes = 128;
  CHECK(sizeof(WireViewer) + sizeof(WireLink) + sizeof(loop::Tcp) + handle_bytes + strings_bytes +
            map_bytes <=
        2048);
}

}  // namespace session

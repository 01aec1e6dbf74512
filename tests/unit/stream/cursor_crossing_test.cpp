// Cursors that leave a tail for the past, and the past for a tail: nothing is sent twice or left
// out.
#include <map>
#include <vector>

#include "relay/media/container/fmp4/reader.hpp"
#include "relay/stream/cursor.hpp"
#include "relay/stream/place.hpp"
#include "tests/unit/stream/stream_rig.hpp"
#include "tests/unit/stream/wire_rig.hpp"

namespace stream {
namespace {

using media::Container;
using std::chrono::milliseconds;
using test::E;
using test::F;
using test::WireRig;
using test::WireViewer;
using wire::Position;

/// A home with a short tail, and a stream of what was read back of it.
struct Rig : WireRig {
  Rig() : WireRig({interval * 20, 16 << 20}) {}
  ~Rig() {
    guests.clear();
    viewers.clear();
  }

  /// Publishes, and keeps what is published, as a recorder does.
  void record(std::uint64_t epoch, std::uint64_t begin, std::uint64_t end) {
    for (; begin < end; ++begin) {
      publish({epoch, begin}, begin % 5 == 0);
      recorded.emplace_back(home.stream().log().newest());
    }
  }
  /// The next chunks are read back.
  void read_back(std::size_t count) {
    for (; count > 0; --count) {
      Chunk chunk = recorded[next_read++].open(maker.pool);
      chunk.sequence = past.log().end();
      past.append(std::move(chunk));
    }
  }
  /// Ends the past for all who have read it; it goes on live.
  void end_past() {
    std::size_t most = 100;
    past.end_finished(most, past.log().newest().position.next());
  }

  test::Viewer& guest(const ViewerPolicy& wanted = patient()) {
    auto& viewer = *guests.emplace_back(std::make_unique<test::Viewer>(wanted));
    viewer.goes_elsewhere = true;
    return viewer;
  }
  Audience& audience(Stream& stream, Container container, std::uint64_t sequence) {
    Feed* const feed = stream.feed_at(container, framing_of(container), sequence);
    REQUIRE(feed != nullptr);
    return feed->audience(base::Duration::zero());
  }
  static Framing framing_of(Container container) {
    return container == Container::wire ? Framing::websocket : Framing::none;
  }

  Stream past{"live/cam", {{base::Duration::max(), ~std::uint64_t{0}}, {}, {}},
              fanout,     maker.pool,
              0,          true};
  std::vector<ChunkParcel> recorded;
  std::size_t next_read = 0;
  std::vector<std::unique_ptr<test::Viewer>> guests;
};

constexpr std::int64_t first_dts = 1'234'567 - 334'567;

std::int64_t to_number(std::int64_t dts) {
  CHECK((dts - first_dts) % 3'600 == 0);
  return (dts - first_dts) / 3'600;
}

/// The number of each video frame in an MPEG-TS whose counters are right.
std::vector<std::int64_t> packet_frames_of(const std::string& body) {
  std::vector<std::int64_t> frames;
  std::map<int, int> counters;
  REQUIRE(body.size() % 188 == 0);
  for (std::size_t packet = 0; packet < body.size(); packet += 188) {
    const auto at = [&](std::size_t index) -> int {
      return static_cast<unsigned char>(body[packet + index]);
    };
    const int pid = (at(1) & 0x1F) << 8 | at(2);
    const bool has_payload = (at(3) & 0x10) != 0;
    const std::size_t adaptation = (at(3) & 0x20) != 0 ? 1u + static_cast<std::size_t>(at(4)) : 0;
    const int counter = at(3) & 0x0F;
    const bool is_told = adaptation > 1 && (at(5) & 0x80) != 0;  // discontinuity_indicator
    if (const auto last = counters.find(pid); last != counters.end() && !is_told) {
      CHECK(counter == (last->second + (has_payload ? 1 : 0)) % 16);
    }
    counters[pid] = counter;
    if (pid != 0x100 || (at(1) & 0x40) == 0) continue;
    const std::size_t pes = 4 + adaptation;
    REQUIRE((at(pes + 7) & 0xC0) == 0xC0);  // both times
    const std::size_t dts = pes + 14;
    frames.push_back(to_number((std::int64_t{at(dts)} >> 1 & 7) << 30 | at(dts + 1) << 22 |
                               at(dts + 2) >> 1 << 15 | at(dts + 3) << 7 | at(dts + 4) >> 1));
  }
  return frames;
}

/// The number of each video frame of a response.
std::vector<std::int64_t> frames_of(Rig& rig, Container container, const std::string& body) {
  if (container == Container::mpegts) return packet_frames_of(body);
  std::vector<std::int64_t> frames;
  fmp4::Reader reader(rig.maker.pool);
  for (const memory::Window& window : test::put(rig.maker, body)) REQUIRE(reader.feed(window));
  REQUIRE(reader.finish());
  while (auto sample = reader.poll()) {
    if (sample->track == 0) frames.push_back(to_number(sample->dts));
  }
  return frames;
}

std::vector<std::int64_t> count(std::int64_t begin, std::int64_t end) {
  std::vector<std::int64_t> numbers;
  for (; begin < end; ++begin) numbers.push_back(begin);
  return numbers;
}

}  // namespace

TEST_CASE("who falls out of the tail under catch_up is told what comes next for it") {
  for (const Container container : {Container::fmp4, Container::mpegts}) {
    for (std::size_t cut = 0; cut < 5; ++cut) {
      CAPTURE(cut);
      Rig rig;
      rig.record(E, 0, 6);
      test::Viewer& viewer = rig.guest();
      viewer.cursor.enter(rig.audience(rig.home.stream(), container, 0), {0, true, {}});
      rig.serve();
      CHECK(frames_of(rig, container, viewer.received) == count(0, 6));
      // It takes nothing for longer than the tail is, in the middle of a chunk.
      rig.record(E, 6, 6 + cut);
      rig.serve();
      viewer.limits = {10};
      rig.record(E, 6 + cut, 7 + cut);
      rig.serve();
      REQUIRE(viewer.rest);
      rig.record(E, 7 + cut, 50);
      rig.serve();
      const std::uint64_t next = viewer.cursor.sequence();
      viewer.finish_rest();
      rig.serve();
      REQUIRE(viewer.elsewhere == Position{E, next});
      CHECK(viewer.cursor.audience() == nullptr);
      // What it missed is read back from that chunk on; it is no sync chunk.
      rig.next_read = next;
      rig.read_back(3);
      viewer.cursor.enter(rig.audience(rig.past, container, 0), {0, false, {}});
      rig.serve();
      rig.read_back(45 - next - 3);
      rig.serve();
      viewer.elsewhere.reset();
      rig.end_past();
      REQUIRE(viewer.elsewhere == Position{E, 45});
      // And on where the live log has what follows.
      const auto place = find_exactly(rig.home.stream().log(), *viewer.elsewhere);
      REQUIRE(place);
      viewer.cursor.enter(rig.audience(rig.home.stream(), container, *place), {*place, true, {}});
      rig.record(E, 50, 53);
      rig.serve();
      CHECK(frames_of(rig, container, viewer.received) == count(0, 53));
      CHECK(viewer.tracks_changes == 0);
      CHECK(viewer.cursor.skips() == 0);
    }
  }
}

TEST_CASE("a viewer that begins in the past goes on live however far it lags then") {
  for (const Container container : {Container::fmp4, Container::mpegts}) {
    Rig rig;
    rig.record(E, 0, 40);
    rig.next_read = 10;
    rig.read_back(20);
    test::Viewer& viewer = rig.guest({SlowPolicy::skip, milliseconds(100), {}, 0, {}});
    viewer.cursor.enter(rig.audience(rig.past, container, 5), {5, true, {}});
    rig.serve();
    rig.end_past();
    REQUIRE(viewer.elsewhere == Position{E, 30});
    viewer.limits = {0};
    viewer.cursor.enter(rig.audience(rig.home.stream(), container, 30), {30, true, {}});
    rig.serve();  // it lags 400 ms, and a newer sync chunk is there
    viewer.finish_rest();
    rig.serve();
    CHECK(frames_of(rig, container, viewer.received) == count(15, 40));
    CHECK(viewer.cursor.skips() == 0);
    // Once it has caught up it lags as any other.
    viewer.limits = {10};
    rig.record(E, 40, 52);
    rig.serve();
    viewer.finish_rest();
    rig.serve();
    CHECK(viewer.cursor.skips() == 1);
  }
}

TEST_CASE("a viewer begins in a tail at the first sync chunk that its format has there") {
  Rig rig;
  rig.record(E, 0, 19);
  test::Viewer& viewer = rig.guest();
  viewer.cursor.enter(rig.audience(rig.home.stream(), Container::fmp4, 6), {6, true, {}});
  rig.serve();
  CHECK(frames_of(rig, Container::fmp4, viewer.received) == count(10, 19));
  // A format that was made for others from a later chunk on is not for one that begins before it.
  CHECK(rig.home.stream().can_enter(Container::fmp4, 6));
  CHECK_FALSE(rig.home.stream().can_enter(Container::fmp4, 5));
  CHECK(rig.home.stream().can_enter(Container::mpegts, 5));
  CHECK(rig.home.stream().feed_at(Container::fmp4, Framing::none, 5) == nullptr);
}

TEST_CASE("without somebody who takes it elsewhere a viewer goes on in the tail") {
  Rig rig;
  rig.record(E, 0, 6);
  test::Viewer& viewer = rig.guest();
  viewer.goes_elsewhere = false;
  viewer.cursor.enter(rig.audience(rig.home.stream(), Container::mpegts, 0), {0, true, {}});
  rig.serve();
  viewer.limits = {10};
  rig.record(E, 6, 7);
  rig.serve();
  rig.record(E, 7, 50);
  viewer.finish_rest();
  rig.serve();
  CHECK(viewer.elsewhere == Position{E, 7});
  CHECK(viewer.cursor.skips() == 1);
  const auto frames = frames_of(rig, Container::mpegts, viewer.received);
  CHECK(frames.back() == 49);
  CHECK(frames.size() == 7 + 20);
}

TEST_CASE("a response ends where another log has tracks that it cannot say") {
  Rig rig;
  rig.record(E, 0, 10);
  rig.use_tracks(2);
  auto other = *rig.track_set;
  other.tracks[1].channels = 1;
  other.tracks[1].config = {std::byte{0x12}, std::byte{0x08}};
  rig.track_set = std::make_shared<const media::TrackSet>(other);
  rig.record(E, 10, 15);
  rig.read_back(10);
  for (const Container container : {Container::fmp4, Container::mpegts}) {
    test::Viewer& viewer = rig.guest();
    viewer.cursor.enter(rig.audience(rig.past, container, 0), {0, true, {}});
    rig.serve();
    std::size_t most = 100;
    rig.past.end_finished(most, Position{E, 10});
    REQUIRE(viewer.elsewhere == Position{E, 10});
    viewer.cursor.enter(rig.audience(rig.home.stream(), container, 10), {10, true, {}});
    rig.serve();
    CHECK(viewer.tracks_changes == (container == Container::fmp4 ? 1 : 0));
    CHECK(frames_of(rig, container, viewer.received) ==
          count(0, container == Container::fmp4 ? 10 : 15));
  }
}

TEST_CASE("who follows positions crosses at any chunk and is told of no gap") {
  Rig rig;
  rig.record(E, 0, 40);
  rig.next_read = 13;
  rig.read_back(9);
  auto& viewer = *rig.viewers.emplace_back(std::make_unique<WireViewer>(
      rig.maker, ViewerPolicy{SlowPolicy::skip, milliseconds(100), {}, 0, {}}, Position{E, 13},
      std::nullopt));
  viewer.goes_elsewhere = true;
  viewer.cursor.enter(rig.audience(rig.past, Container::wire, 0), {0, false, {}});
  CHECK(rig.told(viewer) == "begin=E13 E13 E14 E15 E16 E17 E18 E19 E20 E21");
  rig.end_past();
  CHECK(viewer.take() == "elsewhere=E22");
  viewer.cursor.enter(rig.audience(rig.home.stream(), Container::wire, 22), {22, false, {}});
  const std::string told = rig.told(viewer);
  CHECK(told.starts_with("tracks=E22/1 E22 E23"));
  CHECK(told.ends_with("E39"));
  CHECK(viewer.cursor.position() == Position{E, 40});
}

TEST_CASE("who follows positions falls out of the tail and goes on where it was") {
  Rig rig;
  rig.record(E, 0, 5);
  WireViewer& viewer = rig.watch(Position{E, 0});
  viewer.goes_elsewhere = true;
  CHECK(rig.told(viewer) == "begin=E0 E0 E1 E2 E3 E4");
  viewer.limit = 1;
  rig.record(E, 5, 6);
  rig.serve();
  rig.record(E, 6, 50);
  viewer.limit = 1 << 20;
  viewer.finish_rest();
  CHECK(rig.told(viewer) == "E5 elsewhere=E6");
  rig.next_read = 6;
  rig.read_back(4);
  viewer.cursor.enter(rig.audience(rig.past, Container::wire, 0), {0, false, {}});
  CHECK(rig.told(viewer) == "tracks=E6/1 E6 E7 E8 E9");
  // What a past stream does not keep any more is elsewhere, too.
  rig.read_back(3);
  rig.past.drop_before(6);
  CHECK(rig.told(viewer) == "elsewhere=E10");
}

TEST_CASE("what is missing in another log is one gap with its reason") {
  Rig rig;
  rig.record(E, 0, 5);
  rig.record(F, 0, 3);
  rig.next_read = 5;
  rig.read_back(3);
  WireViewer& viewer = rig.watch(Position{E, 9});
  viewer.cursor.leave();
  viewer.cursor.enter(rig.audience(rig.past, Container::wire, 0),
                      {0, false, wire::GapReason::restart});
  CHECK(rig.told(viewer) == "begin=F0(restart E9) F0 F1 F2");
}

TEST_CASE("an entry that was dropped before its viewer was served is elsewhere") {
  Rig rig;
  rig.record(E, 0, 20);
  rig.read_back(10);
  test::Viewer& viewer = rig.guest();
  viewer.cursor.enter(rig.audience(rig.past, Container::mpegts, 0), {0, true, {}});
  CHECK(viewer.cursor.place() == 0);
  rig.past.drop_before(5);
  rig.serve();
  CHECK(viewer.elsewhere == Position{E, 0});
  CHECK(viewer.received.empty());
}

TEST_CASE("a replica that is seeded anew sends those who catch up elsewhere") {
  Rig rig;
  rig.replicates = true;
  rig.record(E, 0, 10);
  test::Viewer& viewer = rig.guest();
  viewer.cursor.enter(rig.audience(*rig.replica, Container::fmp4, 0), {0, true, {}});
  test::Viewer& other = rig.guest();
  other.goes_elsewhere = false;
  other.cursor.enter(rig.audience(*rig.replica, Container::fmp4, 0), {0, true, {}});
  rig.serve();
  rig.replicates = false;
  rig.record(E, 10, 40);
  rig.seed_replica(30);
  rig.serve();
  CHECK(viewer.elsewhere == Position{E, 10});
  CHECK(viewer.cursor.skips() == 0);
  CHECK(other.cursor.skips() == 1);
  CHECK(frames_of(rig, Container::fmp4, other.received).back() == 39);
  viewer.cursor.leave();
}

TEST_CASE("of the past MPEG-TS can be joined at every chunk behind its tables") {
  Rig rig;
  rig.record(E, 0, 10);
  rig.read_back(10);
  Format format(rig.past.log(), Container::mpegts, Begin::oldest, rig.fanout, rig.maker.pool);
  while (format.is_behind()) format.step();
  for (std::uint64_t sequence = 0; sequence < 10; ++sequence) {
    const Chunk& chunk = format.log().at(sequence);
    REQUIRE(chunk.join);
    CHECK(chunk.join->start.empty());
    CHECK(chunk.join->skip.bytes() == 4 * 188);  // PAT, PMT and the two PIDs
    CHECK(test::to_text(chunk.bytes).substr(0, 3) == std::string("\x47\x40\x00", 3));
    CHECK(chunk.sync == (sequence % 5 == 0));
  }
}

}  // namespace stream

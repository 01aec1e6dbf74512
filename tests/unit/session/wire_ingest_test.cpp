#include "relay/session/wire_ingest.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "relay/protocol/wire/rules.hpp"
#include "tests/unit/protocol/wire/messages.hpp"

namespace session {
namespace {

using namespace std::chrono_literals;
using wire::test::epoch;

struct Rig {
  explicit Rig(bool is_continuing = false) : ingest(home, is_continuing, 10, base::Time(100s)) {
    ingest.set_tracks(wire::test::make_tracks());
  }
  std::optional<stream::Chunk> take(std::uint64_t sequence, bool sync = false) {
    const base::Utc utc = wire::test::utc_of(sequence);
    return ingest.take(wire::test::make_chunk(messages, {epoch, sequence}, sync), base::Time(100s),
                       utc);
  }

  wire::test::Memory messages;
  memory::Arena arena{4 << 20, 64 << 10};
  memory::BlockPool pool{arena};
  stream::Fanout fanout;
  stream::Home home{"live/cam", {{15s, 64 << 20}, {}, {}}, fanout, pool, 1, wire::test::utc_of(0)};
  WireIngest ingest;
};

}  // namespace

TEST_CASE("a chunk keeps its number and UTC and checksum and its times become the log's") {
  Rig rig;
  const auto first = rig.take(7, true);
  REQUIRE(first);
  CHECK(first->position == wire::Position{epoch, 7});
  CHECK(first->utc == wire::test::utc_of(7));
  CHECK(first->checksum.has_value());
  CHECK(first->container == media::Container::wire);
  CHECK(first->time == media::Timeline::begin);
  CHECK(first->samples[0].dts == media::Timeline::begin);
  CHECK(first->samples[0].pts == media::Timeline::begin + 6'000);
  CHECK(first->wire_offset == media::Timeline::begin - 7 * 3'000);
  CHECK(first->video_frames == 1);
  CHECK(first->audio_frames == 1);
  const auto second = rig.take(8);
  CHECK(second->samples[0].dts == first->samples[0].dts + 3'000);
  CHECK(second->tracks == first->tracks);
  CHECK(rig.ingest.tracks().size() == 2);
}

TEST_CASE("what was recorded of its epoch stands where it stood however late it comes again") {
  const stream::MediaTime sync_time = 100 * 90'000;
  const stream::Past past{{epoch, 9}, 7, sync_time, wire::test::utc_of(9), sync_time + 5'990, 5, 0};
  wire::test::Memory messages;
  memory::Arena arena{4 << 20, 64 << 10};
  memory::BlockPool pool{arena};
  stream::Fanout fanout;
  const base::Utc now = wire::test::utc_of(9) + 1min;
  stream::Home home{"live/cam", {{15s, 64 << 20}, {}, {}}, fanout, pool, 1, now, past};
  WireIngest ingest(home, false, 10, base::Time(100s));
  ingest.set_tracks(wire::test::make_tracks());
  for (std::uint64_t sequence = 7; sequence < 12; ++sequence) {
    auto chunk = ingest.take(wire::test::make_chunk(messages, {epoch, sequence}, sequence == 7),
                             base::Time(100s), now);
    REQUIRE(chunk);
    CHECK(chunk->time == sync_time + (static_cast<std::int64_t>(sequence) - 7) * 3'000);
    home.append(std::move(*chunk));
  }
  // Its clock is its own: nobody who comes after it is put into the future.
  home.on_new_publisher();
  const base::Utc next = home.timeline().on_frame(0, now).utc;
  CHECK(next <= now);
  CHECK(next > now - 1ms);
}

TEST_CASE("frames and their rate are counted as they come") {
  Rig rig;
  rig.take(7, true);
  CHECK(rig.ingest.tracks()[0].frames == 1);
  CHECK(rig.ingest.tracks()[0].rate.per_1000_s() == 0);
  for (std::uint64_t sequence = 8; sequence < 20; ++sequence) rig.take(sequence);
  CHECK(rig.ingest.tracks()[0].frames == 13);
  CHECK(rig.ingest.tracks()[0].rate.per_1000_s() == 30'000);
}

TEST_CASE("times in a chunk that lie as far apart as the wire allows give no rate") {
  Rig rig;
  wire::Tracks tracks = wire::test::make_tracks(2);
  tracks.tracks[0].timescale = ~std::uint32_t{0};
  rig.ingest.set_tracks(tracks);
  wire::Chunk chunk = wire::test::make_chunk(rig.messages, {epoch, 7}, true, 2);
  REQUIRE(chunk.samples.size() == 2);
  chunk.samples[1].track = 0;
  chunk.samples[0].dts = chunk.samples[0].pts = std::numeric_limits<std::int64_t>::min();
  chunk.samples[1].dts = chunk.samples[1].pts = std::numeric_limits<std::int64_t>::max();
  REQUIRE(wire::check_chunk(chunk, tracks));
  CHECK(rig.ingest.take(std::move(chunk), base::Time(100s), wire::test::utc_of(7)));
  CHECK(rig.ingest.tracks()[0].frames == 2);
  CHECK(rig.ingest.tracks()[0].rate.per_1000_s() == 0);
}

TEST_CASE("who takes over begins with a sync chunk and so does what follows a gap") {
  Rig rig(true);
  CHECK_FALSE(rig.take(7));
  CHECK(rig.take(8, true));
  CHECK(rig.take(9));
  rig.ingest.on_gap({{epoch, 10}, {epoch, 20}, {}, {}, wire::GapReason::lost});
  CHECK_FALSE(rig.take(20));
  CHECK(rig.take(21, true));
  CHECK(rig.ingest.dropped() == 2);
}

TEST_CASE("only what was made after the publisher came can be ahead of the clock") {
  Rig rig;
  for (std::uint64_t sequence = 0; sequence < 10; ++sequence) rig.take(sequence, sequence == 0);
  CHECK(rig.ingest.ahead() == 0s);
  rig.take(10);
  CHECK(rig.ingest.ahead() == 0s);
  for (std::uint64_t sequence = 11; sequence <= 40; ++sequence) rig.take(sequence);
  CHECK(rig.ingest.ahead() == 1s);
}

TEST_CASE("the clock of viewers goes on from the oldest of what comes at once") {
  LagClock clock;
  const base::Utc now = wire::test::utc_of(0);
  CHECK(clock.ahead(now - 8s, now) == 0s);
  CHECK(clock.ahead(now - 4s, now) == 4s);
  CHECK(clock.ahead(now, now) == 8s);
  // It catches up at a quarter more than the time that passes.
  CHECK(clock.ahead(now + 16s, now + 16s) == 4s);
  CHECK(clock.ahead(now + 32s, now + 32s) == 0s);
  CHECK(clock.ahead(now + 40s, now + 40s) == 0s);
  // Who falls behind is not ahead.
  CHECK(clock.ahead(now + 40s, now + 45s) == 0s);
}

TEST_CASE("a publisher's clock that jumps is followed") {
  LagClock clock;
  const base::Utc now = wire::test::utc_of(0);
  CHECK(clock.ahead(base::Utc{}, now) == 0s);
  const base::Utc last{std::chrono::microseconds(wire::utc_us_max)};
  CHECK(clock.ahead(last, now) == LagClock::ahead_max);
}

}  // namespace session

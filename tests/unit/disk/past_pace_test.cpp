#include "relay/disk/past_pace.hpp"

#include "tests/unit/stream/stream_rig.hpp"

namespace disk {
namespace {

using namespace std::chrono_literals;

/// A past stream of chunks of 64 KiB, and viewers that have read up to where the test says.
struct Rig {
  ~Rig() { viewers.clear(); }

  void append(std::size_t count) {
    for (; count > 0; --count) {
      stream.append(maker.make(stream.log().end(), {true, 64 << 10, 64 << 10}));
    }
  }
  void add_viewer(std::uint64_t place) {
    auto& viewer = *viewers.emplace_back(std::make_unique<test::Viewer>(test::patient()));
    move(viewer, place);
  }
  void move(test::Viewer& viewer, std::uint64_t place) {
    viewer.cursor.leave();
    viewer.cursor.enter(stream.feed(media::Container::mpegts, stream::Framing::none)
                            .audience(base::Duration::zero()),
                        {place, true, {}});
  }
  PastPace::Decision decide(base::Duration passes, bool is_tight = false) {
    now += passes;
    return pace.decide(stream, {PastPace::window_min, is_tight}, now);
  }

  base::Time now{1h};
  test::ChunkMaker maker{64 << 20};
  stream::Fanout fanout;
  stream::Stream stream{"live/cam", {{base::Duration::max(), ~std::uint64_t{0}}, {}, {}},
                        fanout,     maker.pool,
                        0,          true};
  PastPace pace{now};
  std::vector<std::unique_ptr<test::Viewer>> viewers;
};

}  // namespace

TEST_CASE("what is read ahead is half a mebibyte at least") {
  Rig rig;
  CHECK(rig.decide(0ms).reads);  // for whoever comes
  rig.append(16);
  rig.add_viewer(0);
  const auto waits = rig.decide(1ms);
  CHECK_FALSE(waits.reads);
  CHECK(waits.look_again == rig.now + PastPace::look_interval);
  rig.move(*rig.viewers[0], 7);
  CHECK_FALSE(rig.decide(1ms).reads);
  rig.move(*rig.viewers[0], 8);
  const auto reads = rig.decide(1ms);
  CHECK(reads.reads);
  CHECK_FALSE(reads.drop_before);  // somebody may come for it
}

TEST_CASE("the beginning is kept for those who come together") {
  Rig rig;
  rig.append(64);
  rig.add_viewer(64);
  CHECK_FALSE(rig.decide(1ms).reads);
  rig.pace.on_joined(rig.now);
  CHECK_FALSE(rig.decide(90ms).reads);
  const auto reads = rig.decide(20ms);
  CHECK(reads.reads);
  CHECK(reads.drop_before == 16);  // room for another mebibyte
  // But not for ever.
  Rig crowded;
  crowded.append(64);
  crowded.add_viewer(64);
  for (int count = 0; count < 19; ++count) {
    CHECK_FALSE(crowded.decide(50ms).reads);
    crowded.pace.on_joined(crowded.now);
  }
  CHECK(crowded.decide(60ms).reads);
}

TEST_CASE("the slowest are waited for as long as they come up") {
  Rig rig;
  rig.append(64);
  for (int count = 0; count < 4; ++count) rig.add_viewer(3);
  rig.add_viewer(64);
  CHECK_FALSE(rig.decide(2s).reads);
  for (std::size_t index = 0; index < 4; ++index) {
    CHECK_FALSE(rig.decide(200ms).reads);
    rig.move(*rig.viewers[index], 20);
  }
  const auto reads = rig.decide(1ms);
  CHECK(reads.reads);
  CHECK(reads.drop_before == 16);
}

TEST_CASE("who does not come up is left behind") {
  Rig rig;
  rig.append(64);
  rig.add_viewer(3);
  rig.add_viewer(64);
  CHECK_FALSE(rig.decide(2s).reads);
  rig.move(*rig.viewers[0], 4);  // it moves, but too slowly
  CHECK_FALSE(rig.decide(200ms).reads);
  rig.move(*rig.viewers[0], 5);
  const auto reads = rig.decide(60ms);
  CHECK(reads.reads);
  CHECK(reads.drop_before == 16);
  rig.stream.drop_before(16);
  // It is not waited for again.
  rig.append(16);
  rig.move(*rig.viewers[1], 80);
  CHECK(rig.decide(1ms).reads);
}

TEST_CASE("nobody is waited for longer than two seconds") {
  Rig rig;
  rig.append(64);
  for (int count = 0; count < 30; ++count) rig.add_viewer(3);
  rig.add_viewer(64);
  CHECK_FALSE(rig.decide(2s).reads);
  std::size_t index = 0;
  base::Duration waited{};
  for (; !rig.decide(100ms).reads; waited += 100ms) rig.move(*rig.viewers[index++], 64);
  CHECK(waited == 1900ms);
}

TEST_CASE("where memory is tight nothing is kept that nobody needs") {
  Rig rig;
  rig.append(20);
  rig.add_viewer(14);
  rig.add_viewer(20);
  const auto decision = rig.decide(1ms, true);
  CHECK(decision.reads);
  CHECK(decision.drop_before == 14);
  // And less of what the slowest need.
  Rig slow;
  slow.append(20);
  slow.add_viewer(1);
  slow.add_viewer(20);
  CHECK_FALSE(slow.decide(1ms, true).reads);
  const auto later = slow.decide(300ms, true);
  CHECK(later.reads);
  CHECK(later.drop_before == 4);
}

TEST_CASE("what the slowest need is kept as long as there is room for it") {
  Rig rig;
  rig.append(200);
  rig.add_viewer(3);
  rig.add_viewer(200);
  const auto decision = rig.pace.decide(rig.stream, {16 << 20, false}, rig.now + 2s);
  CHECK(decision.reads);
  CHECK_FALSE(decision.drop_before);
  rig.append(50);
  rig.move(*rig.viewers[1], 250);
  CHECK_FALSE(rig.pace.decide(rig.stream, {16 << 20, false}, rig.now + 3s).reads);
}

TEST_CASE("who has waited long for memory is read for all the same") {
  Rig rig;
  CHECK(rig.decide(11s).reads);
  rig.append(20);
  rig.add_viewer(20);
  rig.decide(1ms);
  CHECK(rig.decide(11s).reads);
}

TEST_CASE("nothing is kept for those who do not move") {
  Rig rig;
  rig.append(20);
  rig.add_viewer(3);
  rig.decide(1ms);
  CHECK_FALSE(rig.decide(9s).drop_before);
  const auto decision = rig.decide(1s);
  CHECK(decision.drop_before == 20);
  CHECK_FALSE(decision.reads);
  CHECK(decision.look_again);
}

}  // namespace disk

#include "relay/stream/fanout.hpp"

#include "tests/unit/stream/stream_rig.hpp"

namespace stream {
namespace {

using std::chrono::milliseconds;
using test::StreamRig;

// The real clock goes on by so much.
void burn(base::Duration time) {
  const base::Time until = base::monotonic_now() + time;
  while (base::monotonic_now() < until) {
  }
}

struct SlicedRig : StreamRig {
  explicit SlicedRig(int count) {
    now = base::monotonic_now();
    append({true});
    for (; count > 0; --count) {
      watch(test::patient()).on_write = [] { burn(milliseconds(1)); };
    }
  }
  Fanout::Next run() { return fanout.run(base::monotonic_now()); }
};

}  // namespace

TEST_CASE("a turn serves for one slice and the next goes on where it stopped") {
  SlicedRig rig(40);
  std::size_t turns = 0;
  bool more = true;
  for (std::size_t before = 0; more; ++turns) {
    more = rig.run().now;
    CHECK(rig.order.size() - before <= 8);  // a batch, with a write of a whole slice each
    before = rig.order.size();
  }
  CHECK(turns >= 5);
  CHECK(rig.order.size() == 40);
  rig.order.clear();
  rig.append();
  CHECK(rig.run().now);
  const std::size_t first = rig.order.size();
  CHECK(first < 40);
  rig.append();  // in the middle of the round
  while (rig.run().now) {
  }
  for (const auto& viewer : rig.viewers) CHECK(viewer->received == rig.images(0, 3));
  CHECK(rig.order.size() == 40 + first);  // the others got both at once
}

TEST_CASE("viewers of several streams share a slice") {
  SlicedRig rig(8);
  Stream other("live/other", {{std::chrono::seconds(15), 1 << 20}, {}, {}}, rig.fanout,
               rig.maker.pool, 0);
  auto chunk = rig.maker.make(0, {true});
  other.append(std::move(chunk));
  test::Viewer viewer(test::patient());
  viewer.cursor.enter(
      other.feed(media::Container::mpegts, Framing::none).audience(base::Duration::zero()));
  while (rig.run().now) {
  }
  for (int round = 0; round < 3; ++round) {
    rig.append();
    other.append(rig.maker.make(other.log().end(), {true}));
    // Whoever has had the first slice, the other one has had the second at the latest.
    rig.run();
    rig.run();
    CHECK(viewer.writes == round + 1);
    while (rig.run().now) {
    }
  }
  viewer.cursor.leave();
}

TEST_CASE("a viewer far behind is served again between the others") {
  StreamRig rig;
  rig.append({true, 10});
  auto& live = rig.watch(test::patient());
  rig.serve();
  for (int count = 0; count < 6; ++count) rig.append({false, 600 * 1024});
  auto& late = rig.watch(test::patient());
  rig.serve();
  CHECK(late.received == rig.images(0, 7));
  CHECK(late.writes == 6);  // two of them do not fit one write
  CHECK(live.received == rig.images(0, 7));
  CHECK(late.offered_max <= Feed::run_bytes_max);
}

TEST_CASE("serving soon is asked for once and forgotten when the cursor leaves") {
  StreamRig rig;
  rig.append({true});
  auto& viewer = rig.watch(test::patient());
  auto& leaving = rig.watch(test::patient());
  viewer.cursor.resume();
  rig.fanout.serve_soon(viewer.cursor);
  leaving.cursor.leave();
  rig.serve();
  CHECK(viewer.writes == 1);
  CHECK(leaving.writes == 0);
  CHECK_FALSE(rig.fanout.run(rig.now).now);
}

TEST_CASE("viewers may leave while others are served") {
  for (std::size_t leaving = 0; leaving < 12; ++leaving) {
    for (const bool soon : {true, false}) {
      if (leaving == 5) continue;  // not from within its own write
      StreamRig rig;
      rig.append({true});
      for (int count = 0; count < 12; ++count) rig.watch(test::patient());
      if (!soon) rig.serve();
      test::Viewer& gone = *rig.viewers[leaving];
      const std::string before = gone.received;
      rig.viewers[5]->on_write = [&] { gone.cursor.leave(); };
      rig.append();
      rig.serve();
      for (const auto& viewer : rig.viewers) {
        if (viewer.get() == &gone && viewer->received == before) continue;
        CHECK(viewer->received == rig.images(0, 2));
      }
      CHECK(gone.cursor.audience() == nullptr);
    }
  }
}

TEST_CASE("an audience that is left while the slice ends wakes nobody") {
  SlicedRig rig(1);
  test::Viewer& held = rig.watch(test::patient(std::chrono::hours(1)));
  while (rig.run().now) {
  }
  rig.viewers[0]->on_write = [&] {
    held.cursor.leave();
    burn(milliseconds(2));
  };
  rig.append();
  const Fanout::Next next = rig.run();
  CHECK(held.cursor.audience() == nullptr);
  CHECK_FALSE(next.later);
  CHECK_FALSE(next.now);
}

TEST_CASE("an audience that was left is dropped and may come again") {
  StreamRig rig;
  rig.append({true});
  rig.watch(test::patient(milliseconds(100)));
  rig.append();
  rig.viewers.clear();
  rig.serve();
  rig.stream.drop_unused_feeds();
  rig.append();
  rig.serve();
  auto& viewer = rig.watch(test::patient(milliseconds(100)));
  rig.append();
  rig.stream.drop_unused_feeds();  // not the one in use
  rig.serve();
  CHECK(viewer.received == rig.images(0, 4));
}

TEST_CASE("an automatic interval follows the governor") {
  StreamRig rig;
  rig.append({true});
  auto& viewer = rig.watch(test::patient(std::nullopt));
  rig.serve();
  rig.append();
  CHECK_FALSE(rig.serve().later);
  CHECK(viewer.writes == 2);
  for (int count = 0; count < 4; ++count) rig.fanout.governor().on_measured(1.0);
  rig.append();
  CHECK_FALSE(rig.serve().later);  // the first after a pause
  CHECK(viewer.writes == 3);
  rig.append();
  const auto next = rig.serve();
  CHECK(viewer.writes == 3);
  REQUIRE(next.later);
  CHECK(*next.later == rig.now + Governor::interval_max);
  rig.now = *next.later;
  rig.serve();
  CHECK(viewer.writes == 4);
}

TEST_CASE("writes and bytes and latency are counted") {
  SlicedRig rig(3);
  while (rig.run().now) {
  }
  rig.append();
  while (rig.run().now) {
  }
  const FanoutCounters& counters = rig.fanout.counters();
  CHECK(counters.writes == 6);
  CHECK(counters.short_writes == 0);
  CHECK(counters.bytes == 3 * rig.images(0, 2).size());
  CHECK(counters.latency.total() == 6);
}

}  // namespace stream

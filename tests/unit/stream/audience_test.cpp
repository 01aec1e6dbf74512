#include "relay/stream/audience.hpp"

#include "tests/unit/stream/stream_rig.hpp"

namespace stream {
namespace {

using std::chrono::milliseconds;
using test::StreamRig;

constexpr milliseconds interval{100};

struct Spread : StreamRig {
  explicit Spread(int count) {
    append({true});
    for (; count > 0; --count) watch(test::patient(interval));
    serve();  // the new ones at once
    begin = now;
    order.clear();
  }
  // Viewers served when `at` has passed since the beginning.
  std::size_t served_after(base::Duration at) {
    now = begin + at;
    serve();
    return order.size();
  }
  void check_all_complete() {
    for (const auto& viewer : viewers) CHECK(viewer->received == images(0, payloads.size()));
  }
  base::Time begin;
};

}  // namespace

TEST_CASE("nobody is the last of two rounds in a row") {
  for (const std::size_t count : {2u, 3u, 5u, 7u, 8u, 10u, 16u, 100u, 1000u}) {
    CAPTURE(count);
    StreamRig rig;
    rig.append({true, 10});
    for (std::size_t viewer = 0; viewer < count; ++viewer) rig.watch(test::patient());
    rig.serve();
    test::Viewer* last = nullptr;
    for (int round = 0; round < 10; ++round) {
      rig.order.clear();
      rig.append({false, 10});
      rig.serve();
      REQUIRE(rig.order.size() == count);
      CHECK(rig.order.back() != last);
      last = rig.order.back();
    }
  }
}

TEST_CASE("the places of a thousand viewers even out over the rounds") {
  constexpr std::size_t count = 1000;
  constexpr std::size_t rounds = 125;
  StreamRig rig;
  rig.append({true, 10});
  for (std::size_t viewer = 0; viewer < count; ++viewer) rig.watch(test::patient());
  rig.serve();
  std::map<test::Viewer*, std::size_t> places;
  for (std::size_t round = 0; round < rounds; ++round) {
    rig.order.clear();
    rig.append({false, 10});
    rig.serve();
    for (std::size_t place = 0; place < count; ++place) places[rig.order[place]] += place;
  }
  const double mean = (count - 1) / 2.0;
  for (const auto& [viewer, sum] : places) {
    CHECK(static_cast<double>(sum) / rounds < 1.1 * mean);
  }
}

TEST_CASE("a flush interval spreads a round evenly over itself") {
  Spread rig(10);
  rig.append();
  CHECK(rig.served_after(milliseconds(0)) == 0);
  for (int step = 1; step <= 10; ++step) {
    CHECK(rig.served_after(step * interval / 10 - milliseconds(1)) ==
          static_cast<std::size_t>(step - 1));
    CHECK(rig.served_after(step * interval / 10) == static_cast<std::size_t>(step));
  }
  rig.check_all_complete();
  CHECK(rig.served_after(2 * interval) == 10);
}

TEST_CASE("the next flush is announced for when somebody can be served") {
  for (const int count : {1, 2, 10, 100, 1000}) {
    CAPTURE(count);
    Spread rig(count);
    rig.append();
    int wakes = 0;
    for (auto next = rig.serve(); next.later; next = rig.serve()) {
      REQUIRE(++wakes < 200);
      CHECK_FALSE(next.now);
      REQUIRE(*next.later > rig.now);
      const std::size_t before = rig.order.size();
      rig.now = *next.later;
      rig.serve();
      CHECK(rig.order.size() > before);
    }
    CHECK(rig.now - rig.begin <= interval + milliseconds(5));
    rig.check_all_complete();
  }
}

TEST_CASE("a chunk in the middle of a round only makes the next writes larger") {
  Spread rig(10);
  rig.append();
  CHECK(rig.served_after(milliseconds(50)) == 5);
  rig.append();
  // Those of the first half have had the first chunk; their turn comes after the others.
  CHECK(rig.served_after(milliseconds(100)) == 10);
  for (std::size_t viewer = 5; viewer < 10; ++viewer) {
    CHECK(rig.order[viewer]->received == rig.images(0, 3));
  }
  CHECK(rig.served_after(milliseconds(150)) == 15);
  rig.check_all_complete();
  for (const auto& viewer : rig.viewers) CHECK(viewer->writes <= 3);
}

TEST_CASE("each viewer is served once an interval at its own phase") {
  Spread rig(10);
  std::map<test::Viewer*, std::vector<int>> times;
  for (int frame = 0; frame < 100; ++frame) {  // of 10 ms
    rig.now = rig.begin + milliseconds(10) * frame;
    rig.order.clear();
    rig.append();
    rig.serve();
    for (test::Viewer* viewer : rig.order) times[viewer].push_back(frame);
  }
  CHECK(times.size() == 10);
  for (const auto& [viewer, frames] : times) {
    for (std::size_t index = 1; index < frames.size(); ++index) {
      CHECK(frames[index] - frames[index - 1] == 10);
    }
  }
}

TEST_CASE("a stall releases one round and not more") {
  Spread rig(10);
  rig.append();
  CHECK(rig.served_after(std::chrono::seconds(60)) == 10);
  rig.check_all_complete();
}

TEST_CASE("whoever leaves in the middle of a round costs nobody else a chunk") {
  for (std::size_t served = 0; served <= 10; ++served) {
    for (std::size_t leaving = 0; leaving < 10; ++leaving) {
      // Begin the round at another seat, so that it wraps.
      Spread rig(10);
      rig.append();
      rig.served_after(interval);
      rig.begin = rig.now;
      rig.append();
      rig.served_after(interval * static_cast<int>(served) / 10);
      rig.viewers.erase(rig.viewers.begin() + static_cast<std::ptrdiff_t>(leaving));
      rig.served_after(interval);
      rig.served_after(interval * 2);
      rig.check_all_complete();
    }
  }
}

TEST_CASE("whoever comes in the middle of a round costs nobody else a chunk") {
  for (std::size_t served = 0; served <= 10; ++served) {
    Spread rig(10);
    rig.append();
    rig.served_after(interval);
    rig.begin = rig.now;
    rig.append();
    rig.served_after(interval * static_cast<int>(served) / 10);
    rig.watch(test::patient(interval));
    rig.served_after(interval);
    rig.served_after(interval * 2);
    rig.check_all_complete();
  }
}

}  // namespace stream

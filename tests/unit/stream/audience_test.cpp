#include "relay/stream/audience.hpp"

#include <random>

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
    append();
    serve();  // after a pause, everybody
    begin = now;
    order.clear();
  }
  // Viewers served when `at` has passed since the beginning.
  std::size_t served_after(base::Duration at) {
    now = begin + at;
    serve();
    return order.size();
  }
  std::size_t served_after_chunk(base::Duration at) {
    now = begin + at;
    append();
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

TEST_CASE("a chunk after a pause goes to everybody at once") {
  Spread rig(10);
  CHECK(rig.served_after_chunk(interval) == 10);
  CHECK(rig.served_after(2 * interval) == 10);
  rig.check_all_complete();
}

TEST_CASE("each chunk releases the part of the round that its time stands for") {
  Spread rig(10);
  for (int step = 1; step <= 10; ++step) {
    CHECK(rig.served_after_chunk(step * interval / 10 - milliseconds(1)) ==
          static_cast<std::size_t>(step - 1));
    CHECK(rig.served_after_chunk(step * interval / 10) == static_cast<std::size_t>(step));
  }
}

TEST_CASE("each viewer is served once an interval at its own phase") {
  Spread rig(10);
  std::map<test::Viewer*, std::vector<int>> times;
  for (int frame = 1; frame <= 100; ++frame) {  // of 10 ms
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

TEST_CASE("between chunks the loop wakes only for what was held for the interval") {
  for (const int count : {1, 2, 10, 100, 1000}) {
    CAPTURE(count);
    Spread rig(count);
    rig.served_after_chunk(milliseconds(30));
    const std::size_t released = rig.order.size();
    CHECK(released == static_cast<std::size_t>(count * 30 / 100));
    const auto next = rig.serve();
    CHECK_FALSE(next.now);
    REQUIRE(next.later);
    CHECK(*next.later > rig.begin + milliseconds(30));
    CHECK(*next.later <= rig.begin + milliseconds(130));
    rig.now = *next.later;
    rig.serve();
    CHECK(rig.order.size() == static_cast<std::size_t>(count));
    CHECK_FALSE(rig.serve().later);
    rig.check_all_complete();
  }
}

TEST_CASE("nothing is held for longer than the interval whenever chunks come") {
  std::minstd_rand random(7);
  const auto up_to = [&random](unsigned limit) { return static_cast<int>(random() % limit); };
  for (const int count : {1, 2, 3, 10, 33}) {
    CAPTURE(count);
    Spread rig(count);
    std::optional<base::Time> wake;
    for (int event = 0; event < 1000; ++event) {
      const base::Time chunk = rig.now + milliseconds(up_to(4) == 0 ? up_to(300) : up_to(30));
      while (wake && *wake < chunk) {
        rig.now = *wake;
        wake = rig.serve().later;
        REQUIRE((!wake || *wake > rig.now));
      }
      for (const auto& viewer : rig.viewers) {
        const auto since = viewer->cursor.held_since();
        REQUIRE((!since || rig.now - *since <= interval));
      }
      rig.now = chunk;
      rig.append();
      wake = rig.serve().later;
    }
    rig.now += 2 * interval;
    rig.serve();
    rig.check_all_complete();
  }
}

TEST_CASE("at thirty frames a second three go in a write of 100 ms") {
  Spread rig(99);
  int writes = 0;
  for (int frame = 1; frame <= 300; ++frame) {
    rig.now = rig.begin + frame * std::chrono::microseconds(33'333);
    rig.order.clear();
    rig.append();
    rig.serve();
    CHECK(rig.order.size() <= 34);
    writes += static_cast<int>(rig.order.size());
  }
  CHECK(writes <= 9901);
}

TEST_CASE("a stall releases one round and not more") {
  Spread rig(10);
  CHECK(rig.served_after_chunk(std::chrono::seconds(60)) == 10);
  CHECK(rig.served_after_chunk(std::chrono::seconds(60) + milliseconds(10)) == 11);
}

TEST_CASE("whoever leaves in the middle of a round costs nobody else a chunk") {
  for (std::size_t served = 0; served <= 10; ++served) {
    for (std::size_t leaving = 0; leaving < 10; ++leaving) {
      // Begin the round at another seat, so that it wraps.
      Spread rig(10);
      rig.served_after_chunk(interval / 3);
      rig.served_after_chunk(interval / 3 + interval * static_cast<int>(served) / 10);
      rig.viewers.erase(rig.viewers.begin() + static_cast<std::ptrdiff_t>(leaving));
      rig.served_after(interval * 3);
      rig.check_all_complete();
    }
  }
}

TEST_CASE("whoever comes in the middle of a round costs nobody else a chunk") {
  for (std::size_t served = 0; served <= 10; ++served) {
    Spread rig(10);
    rig.served_after_chunk(interval / 3);
    rig.served_after_chunk(interval / 3 + interval * static_cast<int>(served) / 10);
    rig.watch(test::patient(interval));
    rig.served_after(interval * 3);
    rig.check_all_complete();
  }
}

}  // namespace stream

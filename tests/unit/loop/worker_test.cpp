#include "relay/loop/worker.hpp"

#include <doctest/doctest.h>

#include <thread>

#include "tests/unit/loop/loop_rig.hpp"

namespace loop {

TEST_CASE("a worker that never ran is destroyed cleanly") {
  Worker worker(3);
  CHECK(worker.index() == 3);
  CHECK(worker.is_current());
  CHECK(worker.read_buffer().size() == Worker::read_buffer_bytes);
}

TEST_CASE("a worker runs until it is stopped and may run again") {
  Worker worker(0);
  int turns = 0;
  test::run_until(worker, [&] { return ++turns == 3; });
  CHECK(turns == 3);
  test::run_until(worker, [&] { return ++turns == 6; });
  CHECK(turns == 6);
}

TEST_CASE("only the thread that runs the loop is current") {
  Worker worker(0);
  bool inside = false;
  bool outside = true;
  test::run_until(worker, [&] {
    inside = worker.is_current();
    std::thread other([&] { outside = worker.is_current(); });
    other.join();
    return true;
  });
  CHECK(inside);
  CHECK_FALSE(outside);
  CHECK(worker.is_current());
}

TEST_CASE("a stalled turn shows in the lag and a turning loop is busy") {
  Worker worker(0);
  test::run_until(worker, [&] { return worker.lag().total() >= 3; });
  CHECK(worker.busy() < 0.5);
  const base::Time begin = base::monotonic_now();
  bool stalled = false;
  test::run_until(worker, [&] {
    const base::Time until = base::monotonic_now() + std::chrono::milliseconds(60);
    while (!stalled && base::monotonic_now() < until) {
    }
    stalled = true;
    return worker.lag().quantile_us(1.0) >= 40'000;
  });
  CHECK(base::monotonic_now() - begin >= std::chrono::milliseconds(60));
  // Every turn burns its time until a quarter of a second was measured.
  test::run_until(worker, [&] {
    const base::Time until = base::monotonic_now() + std::chrono::milliseconds(12);
    while (base::monotonic_now() < until) {
    }
    return worker.busy() > 0.5;
  });
}

}  // namespace loop

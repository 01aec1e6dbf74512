#include "relay/loop/timer.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "tests/unit/loop/loop_rig.hpp"

namespace loop {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

struct Alarm {
  explicit Alarm(Worker& worker) : timer(worker, bind<&Alarm::on_time>(this)) {}
  void on_time() noexcept { rang.push_back(base::monotonic_now()); }

  std::vector<base::Time> rang;
  Timer timer;
};

}  // namespace

TEST_CASE("a timer is never early wherever in a millisecond it is due") {
  Worker worker(0);
  Alarm alarm(worker);
  for (int step = 0; step < 20; ++step) {
    alarm.rang.clear();
    const base::Time due = base::monotonic_now() + microseconds(2000 + 137 * step);
    alarm.timer.wake_at(due);
    test::run_until(worker, [&] { return !alarm.rang.empty(); });
    CHECK(alarm.rang.front() >= due);
  }
}

TEST_CASE("a timer rings once and again when set again to the same time") {
  Worker worker(0);
  Alarm alarm(worker);
  const base::Time past = base::monotonic_now() - milliseconds(5);
  alarm.timer.wake_at(past);
  test::run_until(worker, [&] { return alarm.rang.size() == 1; });
  test::run_turns(worker, 5);
  CHECK(alarm.rang.size() == 1);
  alarm.timer.wake_at(past);
  test::run_until(worker, [&] { return alarm.rang.size() == 2; });
}

TEST_CASE("a timer is replaced and stopped") {
  Worker worker(0);
  Alarm alarm(worker);
  Alarm later(worker);
  alarm.timer.wake_at(base::monotonic_now() + std::chrono::hours(1));
  alarm.timer.wake_at(base::monotonic_now());
  test::run_until(worker, [&] { return alarm.rang.size() == 1; });

  const base::Time due = base::monotonic_now() + milliseconds(3);
  alarm.timer.wake_at(due);
  alarm.timer.wake_at(std::nullopt);
  later.timer.wake_at(due + milliseconds(5));
  test::run_until(worker, [&] { return !later.rang.empty(); });
  CHECK(alarm.rang.size() == 1);
}

TEST_CASE("a repeating timer repeats until nothing or a single time replaces it") {
  Worker worker(0);
  Alarm alarm(worker);
  Alarm later(worker);
  alarm.timer.wake_every(milliseconds(2));
  test::run_until(worker, [&] { return alarm.rang.size() >= 3; });
  SUBCASE("stopped") { alarm.timer.stop(); }
  SUBCASE("nothing") { alarm.timer.wake_at(std::nullopt); }
  const std::size_t rang = alarm.rang.size();
  later.timer.wake_at(base::monotonic_now() + milliseconds(10));
  test::run_until(worker, [&] { return !later.rang.empty(); });
  CHECK(alarm.rang.size() == rang);
}

TEST_CASE("a destroyed timer rings no more") {
  Worker worker(0);
  auto alarm = std::make_unique<Alarm>(worker);
  Alarm later(worker);
  alarm->timer.wake_at(base::monotonic_now());
  alarm.reset();
  later.timer.wake_at(base::monotonic_now() + milliseconds(2));
  test::run_until(worker, [&] { return !later.rang.empty(); });
}

TEST_CASE("the end of a turn comes after the letters of that turn") {
  struct Turns {
    explicit Turns(Worker& worker) : turn_end(worker, bind<&Turns::on_turn_end>(this)) {}
    void on_turn_end() noexcept { opened_at_end = opened; }
    int opened = 0;
    int opened_at_end = 0;
    TurnEnd turn_end;
  };
  Worker worker(0);
  Turns turns(worker);
  worker.mailbox().post_action([&]() noexcept { ++turns.opened; });
  worker.mailbox().post_action([&]() noexcept { ++turns.opened; });
  test::run_until(worker, [&] { return turns.opened == 2; });
  CHECK(turns.opened_at_end == 2);
}

TEST_CASE("a loop that is to keep turning does not wait") {
  struct Turns {
    explicit Turns(Worker& worker) : turn_end(worker, bind<&Turns::on_turn_end>(this)) {}
    void on_turn_end() noexcept { ++count; }
    int count = 0;
    TurnEnd turn_end;
  };
  Worker worker(0);
  Turns turns(worker);
  turns.turn_end.keep_turning(true);
  Alarm alarm(worker);
  alarm.timer.wake_at(base::monotonic_now() + milliseconds(100));
  test::run_until(worker, [&] { return turns.count >= 1000 || !alarm.rang.empty(); });
  CHECK(turns.count >= 1000);
  turns.turn_end.keep_turning(false);
  turns.count = 0;
  test::run_until(worker, [&] { return !alarm.rang.empty(); });
  CHECK(turns.count < 100);  // its own 10 ms timer wakes it
}

}  // namespace loop

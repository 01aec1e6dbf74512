#include "relay/loop/lane.hpp"

#include <doctest/doctest.h>
#include <pthread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/loop/loop_rig.hpp"

namespace loop {
namespace {

// Holds up jobs until it is opened.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(lock_);
    ++arrived_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void wait_for(int arrivals) {
    std::unique_lock lock(lock_);
    changed_.wait(lock, [&] { return arrived_ >= arrivals; });
  }
  void open() {
    const std::lock_guard lock(lock_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex lock_;
  std::condition_variable changed_;
  int arrived_ = 0;
  bool open_ = false;
};

// Says on which thread it is destroyed.
class WatchedJob final : public Lane::Job {
 public:
  WatchedJob(Gate& gate, int& done, std::vector<std::thread::id>& destroyed)
      : gate_(gate), done_(done), destroyed_(destroyed) {}
  ~WatchedJob() override { destroyed_.push_back(std::this_thread::get_id()); }
  void run() noexcept override { gate_.pass(); }
  void done() noexcept override { ++done_; }

 private:
  Gate& gate_;
  int& done_;
  std::vector<std::thread::id>& destroyed_;
};

}  // namespace

TEST_CASE("a job runs in the pool and ends on its worker") {
  Lane lane("disk.read", 2, 10);
  CHECK(lane.name() == "disk.read");
  Worker worker(0);
  std::thread::id ran;
  std::thread::id ended;
  std::array<char, 16> thread_name{};
  const auto work = [&]() noexcept {
    ran = std::this_thread::get_id();
    pthread_getname_np(pthread_self(), thread_name.data(), thread_name.size());
  };
  const auto then = [&]() noexcept { ended = std::this_thread::get_id(); };
  test::run_until(worker, [&, submitted = false]() mutable {
    if (!submitted) CHECK(lane.submit_work(worker, work, then));
    submitted = true;
    return ended != std::thread::id{};
  });
  CHECK(ended == std::this_thread::get_id());
  CHECK(ran != ended);
  CHECK(std::string(thread_name.data()) == "pool");
  CHECK(lane.counts().running == 0);
  CHECK(lane.counts().waiting == 0);
}

TEST_CASE("no more jobs run at once than the lane allows") {
  constexpr int jobs = 60;
  Lane lane("disk.write", 2, jobs);
  Worker worker(0);
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  int ended = 0;
  for (int number = 0; number < jobs; ++number) {
    const auto work = [&]() noexcept {
      const int now = ++running;
      for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
      }
      std::this_thread::yield();
      --running;
    };
    REQUIRE(lane.submit_work(worker, work, [&]() noexcept { ++ended; }));
  }
  test::run_until(worker, [&] { return ended == jobs; });
  CHECK(most <= 2);
}

TEST_CASE("jobs of a lane that runs one at a time keep their order") {
  Lane lane("disk.write", 1, 100);
  Worker worker(0);
  std::vector<int> ran;
  std::vector<int> ended;
  for (int number = 0; number < 100; ++number) {
    REQUIRE(lane.submit_work(
        worker, [&, number]() noexcept { ran.push_back(number); },
        [&, number]() noexcept { ended.push_back(number); }));
  }
  test::run_until(worker, [&] { return ended.size() == 100; });
  CHECK(ran == ended);
  CHECK(std::is_sorted(ended.begin(), ended.end()));
}

TEST_CASE("a full lane refuses and takes again when there is room") {
  Gate gate;
  Lane lane("disk.write", 1, 2);
  Worker worker(0);
  int done = 0;
  std::vector<std::thread::id> destroyed;
  for (int number = 0; number < 3; ++number) {
    CHECK(lane.submit(worker, std::make_unique<WatchedJob>(gate, done, destroyed)));
  }
  gate.wait_for(1);
  CHECK_FALSE(lane.submit(worker, std::make_unique<WatchedJob>(gate, done, destroyed)));
  CHECK(destroyed.size() == 1);  // not kept
  CHECK(lane.counts().running == 1);
  CHECK(lane.counts().waiting == 2);
  CHECK(lane.counts().refused == 1);
  gate.open();
  test::run_until(worker, [&] { return done == 3; });
  CHECK(lane.submit(worker, std::make_unique<WatchedJob>(gate, done, destroyed)));
  test::run_until(worker, [&] { return done == 4; });
  CHECK(std::count(destroyed.begin(), destroyed.end(), std::this_thread::get_id()) == 5);
}

TEST_CASE("a job that blocks does not hold up another lane") {
  Gate gate;
  Lane slow("disk.write", 1, 10);
  Lane quick("disk.read", 1, 10);
  Worker worker(0);
  int done = 0;
  int quick_done = 0;
  std::vector<std::thread::id> destroyed;
  for (int number = 0; number < 3; ++number) {
    CHECK(slow.submit(worker, std::make_unique<WatchedJob>(gate, done, destroyed)));
  }
  gate.wait_for(1);
  for (int number = 0; number < 5; ++number) {
    CHECK(quick.submit_work(
        worker, []() noexcept {}, [&]() noexcept { ++quick_done; }));
  }
  test::run_until(worker, [&] { return quick_done == 5; });
  CHECK(done == 0);
  CHECK(slow.counts().waiting == 2);
  gate.open();
  test::run_until(worker, [&] { return done == 3; });
}

TEST_CASE("workers share a lane and each gets its own jobs back") {
  constexpr int jobs = 500;
  Lane lane("disk.read", 2, 2 * jobs);
  std::array<int, 2> ended{};
  std::atomic<int> ran{0};
  std::atomic<int> wrong{0};
  const auto run_worker = [&](unsigned index) {
    Worker worker(index);
    const std::thread::id here = std::this_thread::get_id();
    for (int number = 0; number < jobs; ++number) {
      const auto work = [&]() noexcept { ++ran; };
      const auto then = [&, here, index]() noexcept {
        if (std::this_thread::get_id() != here) ++wrong;
        ++ended[index];
      };
      if (!lane.submit_work(worker, work, then)) ++wrong;
    }
    // The first one to be through leaves the other alone with the lane.
    test::run_until(worker, [&] { return ended[index] == jobs; });
  };
  std::thread other([&] { run_worker(1); });
  run_worker(0);
  other.join();
  CHECK(ended == std::array{jobs, jobs});
  CHECK(ran == 2 * jobs);
  CHECK(wrong == 0);
}

TEST_CASE("a closing mailbox waits for jobs and destroys them undone") {
  Gate gate;
  Lane lane("disk.write", 2, 10);
  Worker worker(0);
  int done = 0;
  std::vector<std::thread::id> destroyed;
  for (int number = 0; number < 4; ++number) {
    CHECK(lane.submit(worker, std::make_unique<WatchedJob>(gate, done, destroyed)));
  }
  std::thread opener([&] {
    gate.wait_for(2);
    gate.open();
  });
  worker.mailbox().close();
  opener.join();
  CHECK(done == 0);
  CHECK(destroyed == std::vector(4, std::this_thread::get_id()));
}

TEST_CASE("a worker that ends leaves the jobs of others running") {
  Gate gate;
  Lane lane("disk.write", 1, 10);
  Worker worker(1);
  int done = 0;
  std::vector<std::thread::id> destroyed;
  std::thread opener;
  {
    // Its loop has the runner, which takes the other worker's job, too.
    Worker first(0);
    CHECK(lane.submit(first, std::make_unique<WatchedJob>(gate, done, destroyed)));
    gate.wait_for(1);
    CHECK(lane.submit(worker, std::make_unique<WatchedJob>(gate, done, destroyed)));
    opener = std::thread([&] { gate.open(); });
  }
  opener.join();
  CHECK(destroyed.size() == 1);
  test::run_until(worker, [&] { return done == 1; });
  CHECK(destroyed.size() == 2);
}

}  // namespace loop

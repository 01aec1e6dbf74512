#include "relay/state/committer.hpp"

#include <doctest/doctest.h>

#include <condition_variable>
#include <mutex>

#include "tests/unit/disk/size_limit.hpp"
#include "tests/unit/loop/loop_rig.hpp"
#include "tests/unit/state/rig.hpp"

namespace state {
namespace {

using namespace std::chrono_literals;
using test::content_of;
using test::StoreRig;

}  // namespace

TEST_CASE("what is set is committed without further ado") {
  StoreRig rig;
  loop::Worker worker(0);
  Committer committer(worker, *rig.store, 5ms);
  for (std::uint64_t number = 1; number <= 3; ++number) {
    const auto change = rig.set_stream("live/cam", number);
    ::test::run_until(worker, [&] { return rig.store->committed() >= change; });
    CHECK(rig.on_disk() == content_of(*rig.store));
  }
  CHECK(rig.store->counters().commits == 3);
}

TEST_CASE("after a failure it is tried again") {
  StoreRig rig;
  loop::Worker worker(0);
  Committer committer(worker, *rig.store, 5ms);
  {
    const disk::test::SizeLimit full(1);
    rig.set_stream("live/cam");
    ::test::run_until(worker, [&] { return rig.store->counters().failures > 0; });
  }
  const auto failures = rig.store->counters().failures;
  ::test::run_until(worker, [&] { return !rig.store->counters().in_memory; });
  CHECK(rig.store->counters().failures == failures);
  CHECK(rig.on_disk() == content_of(*rig.store));
}

TEST_CASE("a commit that does not come back is told of and the loop goes on") {
  StoreRig rig;
  loop::Worker worker(0);
  std::mutex lock;
  std::condition_variable changed;
  bool is_open = false;
  // As a disk that hangs: the one thread of the lane is taken.
  const auto hang = [&]() noexcept {
    std::unique_lock held(lock);
    changed.wait(held, [&] { return is_open; });
  };
  REQUIRE(rig.store->lane().submit_work(worker, hang, []() noexcept {}));
  {
    Committer committer(worker, *rig.store, 5ms);
    const auto change = rig.set_stream("live/cam");
    ::test::run_until(worker, [&] { return rig.store->counters().in_memory; });
    CHECK(rig.store->counters().detail == "the disk does not answer");
    CHECK(rig.store->committed() < change);
    {
      const std::lock_guard held(lock);
      is_open = true;
    }
    changed.notify_all();
    ::test::run_until(worker, [&] { return rig.store->committed() >= change; });
    CHECK_FALSE(rig.store->counters().in_memory);
  }
}

TEST_CASE("a committer may go while a commit is on its way") {
  StoreRig rig;
  {
    loop::Worker worker(0);
    {
      Committer committer(worker, *rig.store, 1ms);
      rig.set_stream("live/cam");
      ::test::run_until(worker, [&] {
        return rig.store->lane().counts().running > 0 || rig.store->committed() > 0;
      });
    }
  }
  CHECK(content_of(*rig.store).size() == 1);
}

}  // namespace state

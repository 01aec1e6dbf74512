#include "relay/stream/relief.hpp"

#include <algorithm>
#include <memory>
#include <string>

#include "tests/unit/loop/loop_rig.hpp"

namespace stream {
namespace {

/// One worker that says what it could let go, and writes down what it is told to do.
struct Side final : Relief::Host {
  Side(unsigned index, memory::Arena& arena, std::string& said)
      : worker(index), pool(arena), relief(index, pool, *this), index_(index), said_(said) {}

  void say(const std::string& what) { said_ += ' ' + what + std::to_string(index_); }
  TailSurvey survey_tails() noexcept override {
    ++surveys;
    return {tails.empty() ? 0 : tails.back(), has_ended};
  }
  void trim_largest_tail() noexcept override {
    tails.pop_back();
    say("trim");
  }
  void drop_ended() noexcept override {
    has_ended = false;
    say("ended");
  }
  std::vector<PinnedBlock> pinned_blocks() noexcept override { return pinned; }
  void close_pinned(const std::vector<memory::BlockIndex>& blocks) noexcept override {
    const auto is_chosen = [&blocks](const PinnedBlock& block) {
      return std::ranges::find(blocks, block.index) != blocks.end();
    };
    if (std::erase_if(pinned, is_chosen) > 0) say("close");
  }
  void on_relief(bool freed) noexcept override {
    ++(freed ? freed_count : nothing_count);
    if (!freed || !needs) return;
    relief.ask();
  }
  void on_pressure_begin() noexcept override { say("begin"); }
  void on_pressure_end(base::Duration) noexcept override { say("end"); }

  loop::Worker worker;
  memory::BlockPool pool;
  Relief relief;
  std::vector<std::uint64_t> tails;  // the largest is the last
  std::vector<PinnedBlock> pinned;
  bool has_ended = false;
  bool needs = false;  // asks again for as long as something can be freed
  int surveys = 0;
  int freed_count = 0;
  int nothing_count = 0;

 private:
  unsigned index_;
  std::string& said_;
};

struct Rig {
  explicit Rig(unsigned workers) {
    std::vector<Relief::Peer> peers;
    for (unsigned index = 0; index < workers; ++index) {
      Side& side = *sides.emplace_back(std::make_unique<Side>(index, arena, said));
      peers.push_back({&side.worker.mailbox(), &side.relief});
    }
    for (const auto& side : sides) side->relief.set_peers(peers);
  }
  void run() {
    for (int turn = 0; turn < 100; ++turn) {
      for (const auto& side : sides) test::run_turns(side->worker, 1);
    }
  }
  Side& operator[](std::size_t index) { return *sides[index]; }

  memory::Arena arena{64 * 4096, 4096};
  std::string said;  // what they did, with the number of the worker
  std::vector<std::unique_ptr<Side>> sides;
};

}  // namespace

TEST_CASE("tails go first and the largest of all workers before the others") {
  Rig rig(3);
  rig[0].tails = {10, 40};
  rig[1].tails = {30};
  rig[2].tails = {20, 50};
  rig[2].has_ended = true;
  rig.arena.add_worker(5);
  rig[1].pinned = {{5, {}}};
  rig[1].needs = true;
  rig[1].relief.ask();
  rig.run();
  CHECK(rig.said == " begin0 trim2 trim0 trim1 trim2 trim0 ended2 close1");
  CHECK(rig[1].nothing_count == 1);
  CHECK(rig[0].freed_count == 7);  // everybody is told
}

TEST_CASE("a round frees a little and whoever needs no more asks no more") {
  Rig rig(2);
  rig[0].tails = {10, 40};
  rig[1].relief.ask();
  rig[1].relief.ask();
  rig.run();
  CHECK(rig.said == " begin0 trim0");
  CHECK(rig[1].freed_count == 1);
}

TEST_CASE("a block that another worker needs is not pinned") {
  Rig rig(2);
  rig.arena.add_worker(5);
  rig.arena.add_worker(5);
  rig[0].pinned = {{5, {}}};
  rig[0].relief.ask();
  rig.run();
  CHECK(rig.said == " begin0");
  CHECK(rig[0].nothing_count == 1);
  // Now it is: both hold it for unfinished writes only.
  rig[1].pinned = {{5, {}}};
  test::run_until(rig[0].worker, [due = base::monotonic_now() + Relief::fruitless_time] {
    return base::monotonic_now() > due;
  });
  rig[1].relief.ask();
  rig.run();
  const bool is_closed = rig.said == " begin0 close0 close1" || rig.said == " begin0 close1 close0";
  CHECK(is_closed);
}

TEST_CASE("what one worker keeps ready the others get") {
  Rig rig(2);
  memory::BlockPool::release(rig[1].pool.take().value());
  REQUIRE(rig[1].pool.ready_count() == 1);
  rig[0].relief.ask();
  rig.run();
  CHECK(rig[1].pool.ready_count() == 0);
  CHECK(rig.arena.free_count() == 64);
}

TEST_CASE("that nothing can be freed is known for a moment without looking again") {
  Rig rig(1);
  rig[0].relief.ask();
  rig.run();
  const int looked = rig[0].surveys;
  rig[0].relief.ask();
  rig.run();
  CHECK(rig[0].nothing_count == 2);
  CHECK(rig[0].surveys <= looked + 1);  // one more only if the moment had passed
}

TEST_CASE("nobody is let in while input is dropped and for a time after it") {
  Rig rig(2);
  rig[1].relief.ask();
  rig.run();
  rig[1].relief.on_stopped(PressureStep::pause);
  rig.run();
  CHECK_FALSE(rig[0].relief.is_refusing());
  rig[1].relief.on_stopped(PressureStep::drop);
  rig.run();
  CHECK(rig[0].relief.is_refusing());
  CHECK(rig[1].relief.is_refusing());
  const base::Time now = base::monotonic_now();
  rig[0].relief.on_time(now + Relief::refuse_time - std::chrono::seconds(1));
  CHECK(rig[0].relief.is_refusing());
  rig[0].relief.on_time(now + Relief::refuse_time);
  rig.run();
  CHECK_FALSE(rig[0].relief.is_refusing());
  CHECK_FALSE(rig[1].relief.is_refusing());
}

TEST_CASE("an episode begins once and ends when nobody has asked for a while") {
  Rig rig(2);
  CHECK(rig[1].relief.episode() == 0);
  for (int times = 0; times < 3; ++times) {
    rig[1].relief.ask();
    rig.run();
  }
  CHECK(rig.said == " begin0");
  CHECK(rig[0].relief.episode() == 1);
  CHECK(rig[1].relief.episode() == 1);
  const base::Time now = base::monotonic_now();
  rig[0].relief.on_time(now);
  rig[1].relief.on_time(now + Relief::calm_time);
  CHECK(rig.said == " begin0");
  rig[0].relief.on_time(now + Relief::calm_time);
  CHECK(rig.said == " begin0 end0");
  rig[0].relief.ask();
  rig.run();
  CHECK(rig[1].relief.episode() == 2);
}

}  // namespace stream

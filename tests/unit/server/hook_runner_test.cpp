#include "relay/server/hook_runner.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/unit/loop/loop_rig.hpp"
#include "tests/unit/loop/sockets.hpp"

namespace server {
namespace {

using namespace std::chrono_literals;
using control::HookEnd;

struct Rig final : HookRunner::Events {
  explicit Rig(std::size_t concurrent = 2) : runner(worker, concurrent, *this) {
    test::ignore_broken_pipes();
  }
  void on_hook_end(const HookRunner::Job& job,
                   const HookRunner::Outcome& outcome) noexcept override {
    ended.push_back(job.event.stream + ' ' + name_of(outcome.end) + ' ' + outcome.reason());
    exits.push_back(outcome.exit);
  }

  void submit(const std::string& stream, const std::string& script, base::Duration timeout = 1h) {
    HookRunner::Job job;
    job.event.stream = stream;
    job.command = {"sh", "-c", script};
    job.timeout = timeout;
    runner.submit(std::move(job));
  }
  template <class Done>
  void run_until(Done done) {
    test::run_until(worker, [&] {
      more = runner.on_turn_end();
      most = std::max(most, runner.running());
      turn.keep_turning(more);
      return done();
    });
  }
  void run_all() {
    run_until([&] { return runner.is_idle(); });
  }

  loop::Worker worker{0};
  loop::TurnEnd turn{worker, {this, [](void*) noexcept {}}};
  HookRunner runner;
  std::vector<std::string> ended;
  std::vector<std::string> exits;
  std::size_t most = 0;
  bool more = false;
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a hook ends with what it said first or with how it ended") {
  Rig rig;
  rig.submit("a", "exit 0");
  rig.run_all();
  rig.submit("b", "echo said; echo more; exit 3");
  rig.run_all();
  rig.submit("c", "printf 'rtsp://u:p@h is down' >&2; exit 1");
  rig.run_all();
  rig.submit("d", "kill -9 $$");
  rig.run_all();
  CHECK(rig.ended == Lines{"a good exit code 0", "b failed said", "c failed rtsp://***@h is down",
                           "d failed signal SIGKILL"});
  CHECK(rig.exits == Lines{"exit code 0", "exit code 3", "exit code 1", "signal SIGKILL"});
}

TEST_CASE("a hook gets its event twice") {
  Rig rig;
  rig.submit("live/cam", "read json; echo \"$SPANCAST_EVENT $SPANCAST_STREAM $json\"");
  rig.run_all();
  REQUIRE(rig.ended.size() == 1);
  CHECK(rig.ended[0].starts_with("live/cam good on_publish live/cam {\"event\":\"on_publish\","));
}

TEST_CASE("a program that is not there is told") {
  Rig rig;
  HookRunner::Job job;
  job.command = {"/nowhere/at-all"};
  rig.runner.submit(std::move(job));
  rig.run_all();
  CHECK(rig.ended == Lines{" not_started /nowhere/at-all: No such file or directory"});
  CHECK(rig.exits == Lines{""});
}

TEST_CASE("only some hooks run at once and the others in turn") {
  Rig rig(3);
  for (int number = 0; number < 3; ++number) rig.submit("x", "exec sleep 1000", 100ms);
  for (int number = 0; number < 7; ++number) rig.submit(std::to_string(number), "read json");
  CHECK(rig.runner.waiting() == 10);
  CHECK(rig.runner.running() == 0);
  rig.run_until([&] { return rig.runner.running() == 3; });
  CHECK(rig.runner.waiting() == 7);
  rig.run_all();
  CHECK(rig.ended.size() == 10);
  CHECK(rig.most == 3);
}

TEST_CASE("one hook is started in a turn") {
  Rig rig(8);
  for (int number = 0; number < 3; ++number) rig.submit("x", "true");
  CHECK(rig.runner.on_turn_end());
  CHECK(rig.runner.running() == 1);
  CHECK(rig.runner.on_turn_end());
  CHECK_FALSE(rig.runner.on_turn_end());
  CHECK(rig.runner.running() == 3);
  rig.run_all();
}

TEST_CASE("what waits is bounded") {
  Rig rig(1);
  for (std::size_t number = 0; number < HookRunner::waiting_max; ++number) rig.submit("x", "true");
  CHECK(rig.ended.empty());
  rig.submit("y", "true");
  CHECK(rig.ended == Lines{"y dropped too many hooks wait"});
  CHECK(rig.runner.waiting() == HookRunner::waiting_max);
}

TEST_CASE("a hook that takes too long is ended") {
  Rig rig;
  rig.submit("a", "echo begun; sleep 1000", 50ms);
  rig.submit("b", "trap '' TERM; sleep 1000; sleep 1000", 50ms);
  rig.run_all();
  CHECK(rig.ended.size() == 2);
  for (const std::string& line : rig.ended) {
    CHECK(line.substr(1) == " timeout it took longer than hooks.timeout");
  }
}

TEST_CASE("a runner that is destroyed ends what runs") {
  Rig rig;
  rig.submit("a", "sleep 1000");
  rig.run_until([&] { return rig.runner.running() == 1; });
}

}  // namespace server

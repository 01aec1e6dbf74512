#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <optional>

#include "relay/base/time.hpp"
#include "relay/loop/timer.hpp"
#include "relay/loop/worker.hpp"

namespace test {

/// Runs `worker`'s loop on the calling thread until `done()`, which is asked at the end of every
/// turn. What never happens fails the test instead of hanging it.
template <class Done>
void run_until(loop::Worker& worker, Done done) {
  struct State {
    loop::Worker& worker;
    Done& done;
    base::Time deadline;
    bool timed_out = false;
  } state{worker, done, base::monotonic_now() + std::chrono::seconds(20)};
  {
    loop::TurnEnd turn_end(worker, {&state, [](void* object) noexcept {
                                      auto& now = *static_cast<State*>(object);
                                      now.timed_out = base::monotonic_now() > now.deadline;
                                      if (now.timed_out || now.done()) now.worker.stop();
                                    }});
    worker.run();
  }
  REQUIRE_FALSE(state.timed_out);
}

/// Runs a number of turns that do not wait.
inline void run_turns(loop::Worker& worker, int turns) {
  struct State {
    loop::Worker& worker;
    int left;
  } state{worker, turns};
  loop::TurnEnd turn_end(worker, {&state, [](void* object) noexcept {
                                    auto& now = *static_cast<State*>(object);
                                    if (--now.left <= 0) now.worker.stop();
                                  }});
  turn_end.keep_turning(true);
  worker.run();
}

}  // namespace test

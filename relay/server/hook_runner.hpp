#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relay/base/time.hpp"
#include "relay/control/hook_event.hpp"
#include "relay/loop/process.hpp"
#include "relay/loop/worker.hpp"

namespace server {

/// Runs hooks of the whole relay, some at once; the others wait in turn. Lives on the first worker:
/// one place counts, and the others send their events there. Starts one in a turn of the loop,
/// which a start holds up for about a millisecond.
class HookRunner {
 public:
  /// What waits beyond this is dropped: a relay with a slow hook does not gather events for ever.
  static constexpr std::size_t waiting_max = 256;
  static constexpr base::Duration kill_after = std::chrono::seconds(1);

  /// Who waits for the end of a hook.
  struct Asker {
    unsigned worker = 0;
    std::uint64_t session = 0;
  };
  struct Job {
    control::HookEvent event;
    std::vector<std::string> command;
    base::Duration timeout{};
    std::optional<Asker> asker;
  };

  struct Outcome {
    control::HookEnd end;
    std::string exit;    ///< how its process ended; empty: there was none
    std::string detail;  ///< its first line of output, or why it did not run to its end

    /// What whoever it refuses is told.
    const std::string& reason() const noexcept { return detail.empty() ? exit : detail; }
  };

  class Events {
   public:
    virtual ~Events() = default;
    virtual void on_hook_end(const Job& job, const Outcome& outcome) noexcept = 0;
  };

  HookRunner(loop::Worker& worker, std::size_t concurrent, Events& events);
  ~HookRunner();

  /// It begins at the end of this turn at the earliest.
  void submit(Job job) noexcept;
  bool is_idle() const noexcept { return running_.empty() && waiting_.empty(); }
  std::size_t running() const noexcept { return running_.size(); }
  std::size_t waiting() const noexcept { return waiting_.size(); }
  /// At the end of the turn: destroys what has ended, and starts one that waits. True when another
  /// could be started at once.
  bool on_turn_end() noexcept;

 private:
  class Run;
  void start(Job job) noexcept;

  loop::Worker& worker_;
  const std::size_t concurrent_;
  Events& events_;
  std::vector<std::unique_ptr<Run>> running_;
  std::deque<Job> waiting_;
  bool has_ended_ = false;  // one of those that run
};

}  // namespace server

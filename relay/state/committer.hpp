#pragma once

#include <cstdint>
#include <memory>

#include "relay/base/time.hpp"
#include "relay/loop/timer.hpp"
#include "relay/loop/worker.hpp"
#include "relay/state/store.hpp"

namespace state {

/// Commits a store again and again, in its lane, one at a time. Belongs to one worker; may go while
/// a commit is on its way.
class Committer {
 public:
  /// Where nothing can be written it is tried again so often.
  static constexpr base::Duration retry_interval = std::chrono::seconds(1);
  /// A commit that takes longer is told of, and state counts as kept in memory until it comes back.
  static constexpr base::Duration late_after = std::chrono::seconds(1);

  /// `interval`: `state.commit_interval`; at least a millisecond.
  Committer(loop::Worker& worker, Store& store, base::Duration interval);
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

 private:
  // Shared with the job, which may outlive the committer.
  struct Progress {
    bool is_running = false;
    bool succeeded = true;  // the last one
  };
  void on_time(base::Time now) noexcept;
  void begin(base::Time now) noexcept;

  loop::Worker& worker_;
  Store& store_;
  std::shared_ptr<Progress> progress_;
  base::Time began_{};
  std::uint64_t attempts_ = 0;  // of the store, when the last one was begun
  loop::Timer timer_;
};

}  // namespace state

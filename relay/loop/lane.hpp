#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "relay/loop/mailbox.hpp"
#include "relay/loop/worker.hpp"

namespace loop {

/// Blocking work of one kind on libuv's thread pool, for all workers: at most so many jobs run at
/// once, at most so many wait. What waits, waits here, so that a disk that hangs leaves threads for
/// everything else. `main` owns it; it outlives the workers. Behind one lock, taken per job.
class Lane {
 public:
  /// One piece of work. Never destroyed in the pool: on the thread of the worker that submitted it,
  /// or on the one that closes that one's mailbox, which waits for it.
  class Job {
   public:
    virtual ~Job() = default;
    /// On a thread of the pool; may block.
    virtual void run() noexcept = 0;
    /// Afterwards, on the thread of the worker that submitted it.
    virtual void done() noexcept = 0;
  };

  /// `running_max` jobs at once, `waiting_max` behind them.
  Lane(std::string name, unsigned running_max, std::size_t waiting_max);
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// On the thread of `worker`. False when too many wait: then the job was neither run nor kept.
  [[nodiscard]] bool submit(Worker& worker, std::unique_ptr<Job> job);
  /// The same with two callables that do not throw: `work` in the pool, then `then` on the worker.
  template <class Work, class Then>
  [[nodiscard]] bool submit_work(Worker& worker, Work work, Then then) {
    struct Pair final : Job {
      Pair(Work to_do, Then afterwards) : work(std::move(to_do)), then(std::move(afterwards)) {}
      void run() noexcept override { work(); }
      void done() noexcept override { then(); }
      Work work;
      Then then;
    };
    return submit(worker, std::make_unique<Pair>(std::move(work), std::move(then)));
  }

  const std::string& name() const noexcept { return name_; }
  struct Counts {
    std::size_t running = 0;
    std::size_t waiting = 0;
    std::uint64_t refused = 0;  ///< since the start
  };
  /// Any thread.
  Counts counts() const;

 private:
  struct Waiting {
    Mailbox* submitter;  // promised the job: it is there until that is posted
    std::unique_ptr<Job> job;
  };
  struct Runner;

  std::optional<Waiting> take();
  void start_runner(Worker& worker);
  void run_all() noexcept;

  const std::string name_;
  const unsigned running_max_;
  const std::size_t waiting_max_;
  mutable std::mutex jobs_lock_;
  std::deque<Waiting> waiting_;
  std::size_t running_ = 0;
  std::size_t runners_ = 0;  // those included that have no job yet; while jobs wait there is one
  std::uint64_t refused_ = 0;
};

}  // namespace loop

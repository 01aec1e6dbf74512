#include "relay/loop/lane.hpp"

#include <pthread.h>

#include "relay/base/assert.hpp"

namespace loop {
namespace {

/// A job that was run, on its way back.
class Finished final : public Letter {
 public:
  explicit Finished(std::unique_ptr<Lane::Job> job) : job_(std::move(job)) {}
  void open() noexcept override { job_->done(); }

 private:
  std::unique_ptr<Lane::Job> job_;
};

}  // namespace

/// A thread of the pool at work for a lane, whoever's jobs it runs. It owns itself; what libuv
/// calls afterwards knows nothing else.
struct Lane::Runner {
  explicit Runner(Lane& owner) : lane(owner) { request.data = this; }

  Lane& lane;
  uv_work_t request{};
};

Lane::Lane(std::string name, unsigned running_max, std::size_t waiting_max)
    : name_(std::move(name)), running_max_(running_max), waiting_max_(waiting_max) {
  RELAY_ASSERT(running_max > 0);
}

Lane::~Lane() { RELAY_ASSERT(runners_ == 0 && waiting_.empty()); }

bool Lane::submit(Worker& worker, std::unique_ptr<Job> job) {
  RELAY_ASSERT(worker.is_current());
  {
    const std::lock_guard lock(jobs_lock_);
    if (running_ + waiting_.size() >= running_max_ + waiting_max_) {
      ++refused_;
      return false;
    }
    worker.mailbox().promise();
    waiting_.push_back({&worker.mailbox(), std::move(job)});
    const std::size_t starting = runners_ - running_;
    if (runners_ == running_max_ || starting >= waiting_.size()) return true;
    ++runners_;
  }
  start_runner(worker);
  return true;
}

void Lane::start_runner(Worker& worker) {
  auto runner = std::make_unique<Runner>(*this);
  const auto work = [](uv_work_t* request) noexcept {
    static_cast<Runner*>(request->data)->lane.run_all();
  };
  const auto after = [](uv_work_t* request, int) noexcept {
    delete static_cast<Runner*>(request->data);
  };
  RELAY_ASSERT(uv_queue_work(worker.uv(), &runner.release()->request, work, after) == 0);
}

void Lane::run_all() noexcept {
  // A new thread has the name of the worker that caused it.
  static thread_local const int named = pthread_setname_np(pthread_self(), "pool");
  static_cast<void>(named);
  while (auto next = take()) {
    next->job->run();
    {
      const std::lock_guard lock(jobs_lock_);
      --running_;
    }
    next->submitter->keep_promise(std::make_unique<Finished>(std::move(next->job)));
  }
}

std::optional<Lane::Waiting> Lane::take() {
  const std::lock_guard lock(jobs_lock_);
  if (waiting_.empty()) {
    --runners_;
    return std::nullopt;
  }
  Waiting next = std::move(waiting_.front());
  waiting_.pop_front();
  ++running_;
  return next;
}

Lane::Counts Lane::counts() const {
  const std::lock_guard lock(jobs_lock_);
  return {running_, waiting_.size(), refused_};
}

}  // namespace loop

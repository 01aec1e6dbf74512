#include "relay/disk/clip_table.hpp"

#include <functional>
#include <optional>
#include <utility>

#include "relay/base/assert.hpp"

namespace disk {

/// A slice of the work on a plan.
class ClipTable::Job final : public loop::Lane::Job {
 public:
  Job(ClipTable& table, loop::Worker& worker, ClipRequest request,
      std::unique_ptr<ClipPlanner> planner)
      : table_(table),
        worker_(worker),
        request_(std::move(request)),
        planner_(std::move(planner)) {}

  void run() noexcept override { progress_ = planner_->work(base::monotonic_now() + slice); }

  void done() noexcept override {
    if (!progress_) return table_.finish(worker_, request_, progress_.error());
    if (*progress_ == ClipPlanner::Progress::done) {
      return table_.finish(worker_, request_, planner_->take());
    }
    table_.go_on(worker_, std::move(request_), std::move(planner_));
  }

 private:
  ClipTable& table_;
  loop::Worker& worker_;
  ClipRequest request_;
  std::unique_ptr<ClipPlanner> planner_;
  base::Result<ClipPlanner::Progress> progress_ = ClipPlanner::Progress::more;
};

std::size_t ClipTable::Hash::operator()(const ClipRequest& request) const noexcept {
  const auto mix = [](std::size_t seed, std::int64_t value) {
    return (seed ^ static_cast<std::size_t>(value)) * 0x9E3779B97F4A7C15ULL;
  };
  return mix(mix(std::hash<std::string>()(request.stream), request.from.time_since_epoch().count()),
             request.to.time_since_epoch().count());
}

ClipTable::~ClipTable() {
  entries_.clear();
  RELAY_ASSERT(memory_bytes() == 0);  // or a response has outlived it
}

bool ClipTable::ask(loop::Worker& worker, const ClipRequest& request, Asker& asker,
                    std::uint64_t id) {
  RELAY_ASSERT(worker.is_current());
  const Waiter waiter{&worker, &asker, id};
  {
    const std::lock_guard lock(lock_);
    if (const auto found = entries_.find(request); found != entries_.end()) {
      Entry& entry = found->second;
      entry.last_used = base::monotonic_now();
      if (entry.plan) {
        tell(waiter, entry.plan);
      } else {
        entry.waiters.push_back(waiter);
      }
      return true;
    }
    make_room();
    if (memory_bytes() >= plan_bytes_max_ || queue_.size() >= waiting_max) return false;
    entries_[request].waiters.push_back(waiter);
    queue_.push_back(request);
  }
  start_next(worker);
  return true;
}

void ClipTable::tell(const Waiter& waiter, Answer answer) {
  waiter.worker->mailbox().post_action(
      [asker = waiter.asker, id = waiter.id, told = std::move(answer)]() mutable noexcept {
        asker->on_clip_planned(id, std::move(told));
      });
}

void ClipTable::start_next(loop::Worker& worker) {
  std::optional<ClipRequest> request;
  {
    const std::lock_guard lock(lock_);
    if (queue_.empty() || planning_ == planning_max) return;
    request = std::move(queue_.front());
    queue_.pop_front();
    ++planning_;
  }
  auto planner = std::make_unique<ClipPlanner>(store_, *request, memory_);
  go_on(worker, std::move(*request), std::move(planner));
}

void ClipTable::go_on(loop::Worker& worker, ClipRequest request,
                      std::unique_ptr<ClipPlanner> planner) {
  auto job = std::make_unique<Job>(*this, worker, request, std::move(planner));
  if (store_.read_lane().submit(worker, std::move(job))) return;
  finish(worker, request, make_error_code(boost::system::errc::resource_unavailable_try_again));
}

void ClipTable::finish(loop::Worker& worker, const ClipRequest& request, Answer answer) {
  std::vector<Waiter> waiters;
  {
    const std::lock_guard lock(lock_);
    --planning_;
    const auto found = entries_.find(request);
    waiters = std::move(found->second.waiters);
    found->second.waiters = {};
    if (answer) {
      found->second.plan = *answer;
      found->second.last_used = base::monotonic_now();
      make_room();
    } else {
      entries_.erase(found);
    }
  }
  for (const Waiter& waiter : waiters) tell(waiter, answer);
  start_next(worker);
}

// Of what nobody reads: a plan that a response has would only go from here, not from memory.
void ClipTable::make_room() {
  while (memory_bytes() >= plan_bytes_max_ && drop_oldest()) {
  }
}

bool ClipTable::drop_oldest() {
  auto oldest = entries_.end();
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (!entry->second.plan || entry->second.plan.use_count() > 1) continue;
    const bool is_older =
        oldest == entries_.end() || entry->second.last_used < oldest->second.last_used;
    if (is_older) oldest = entry;
  }
  if (oldest == entries_.end()) return false;
  entries_.erase(oldest);
  return true;
}

ClipTable::Share::~Share() {
  if (table_ == nullptr) return;
  table_->shared_bytes_.fetch_sub(bytes_, std::memory_order_relaxed);
  table_->store_.past_bytes.fetch_sub(bytes_, std::memory_order_relaxed);
}

std::optional<ClipTable::Share> ClipTable::reserve(std::uint64_t bytes) noexcept {
  const std::uint64_t most = store_.past_bytes_max();
  const std::uint64_t shared = shared_bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  const std::uint64_t past = store_.past_bytes.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  Share share(*this, bytes);
  if (shared > most / 2 || past > most) return std::nullopt;
  return share;
}

void ClipTable::on_time(base::Time now) {
  const std::lock_guard lock(lock_);
  std::erase_if(entries_, [now](const Entries::value_type& entry) {
    return entry.second.plan && entry.second.plan.use_count() == 1 &&
           now - entry.second.last_used >= idle_max;
  });
}

}  // namespace disk

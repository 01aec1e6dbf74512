#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/base/time.hpp"
#include "relay/disk/clip_plan.hpp"
#include "relay/disk/clip_planner.hpp"
#include "relay/loop/worker.hpp"

namespace disk {

/// The plans of clips, for all workers: equal requests share one, and one that was used a moment
/// ago is there for the next request of a player that seeks. `main` owns it; it outlives the
/// workers. Behind one lock, which is never held while anything blocks.
class ClipTable {
 public:
  static constexpr std::size_t planning_max = 4;   ///< at once
  static constexpr std::size_t waiting_max = 256;  ///< behind them; the next ones are refused
  /// Of memory, in plans that are ready. Beyond, what nobody reads goes, the longest unused first.
  static constexpr std::uint64_t bytes_max = 64 << 20;
  /// How long one that nobody reads is kept, and its segments with it.
  static constexpr base::Duration idle_max = std::chrono::seconds(60);
  /// How long a thread of the pool works on one before the others get their turn.
  static constexpr base::Duration slice = std::chrono::milliseconds(20);

  using Answer = base::Result<std::shared_ptr<const ClipPlan>>;
  class Asker {
   public:
    virtual ~Asker() = default;
    virtual void on_clip_planned(std::uint64_t id, Answer answer) noexcept = 0;
  };

  explicit ClipTable(Store& store, std::uint64_t plan_bytes_max = bytes_max)
      : store_(store), plan_bytes_max_(plan_bytes_max) {}
  ~ClipTable();
  ClipTable(const ClipTable&) = delete;
  ClipTable& operator=(const ClipTable&) = delete;

  /// On the thread of `worker`, where the answer comes later, by a letter. False: too much is asked
  /// for; nothing was begun.
  [[nodiscard]] bool ask(loop::Worker& worker, const ClipRequest& request, Asker& asker,
                         std::uint64_t id);
  /// From time to time: lets go of plans that were not used for long.
  void on_time(base::Time now);

  /// What a response may have of the arena, for as long as this is there.
  class Share {
   public:
    Share(Share&& other) noexcept
        : table_(std::exchange(other.table_, nullptr)), bytes_(other.bytes_) {}
    Share& operator=(Share&&) = delete;
    ~Share();

   private:
    friend class ClipTable;
    Share(ClipTable& table, std::uint64_t bytes) noexcept : table_(&table), bytes_(bytes) {}

    ClipTable* table_;
    std::uint64_t bytes_;
  };
  /// Any thread. Nothing: clips have half of what all that is read back may have, or there is
  /// nothing left of that.
  std::optional<Share> reserve(std::uint64_t bytes) noexcept;

  /// Of plans that are ready.
  std::uint64_t memory_bytes() const noexcept { return memory_.load(std::memory_order_relaxed); }
  Store& store() noexcept { return store_; }

 private:
  struct Waiter {
    loop::Worker* worker;
    Asker* asker;
    std::uint64_t id;
  };
  struct Entry {
    std::shared_ptr<const ClipPlan> plan;  // null: it is being made
    std::vector<Waiter> waiters;
    base::Time last_used{};
  };
  struct Hash {
    std::size_t operator()(const ClipRequest& request) const noexcept;
  };
  class Job;
  using Entries = std::unordered_map<ClipRequest, Entry, Hash>;

  static void tell(const Waiter& waiter, Answer answer);
  void start_next(loop::Worker& worker);
  void go_on(loop::Worker& worker, ClipRequest request, std::unique_ptr<ClipPlanner> planner);
  void finish(loop::Worker& worker, const ClipRequest& request, Answer answer);
  // With the lock:
  void make_room();
  bool drop_oldest();

  Store& store_;
  const std::uint64_t plan_bytes_max_;
  std::atomic<std::uint64_t> memory_{0};
  std::atomic<std::uint64_t> shared_bytes_{0};  // of the arena
  std::mutex lock_;
  Entries entries_;
  std::deque<ClipRequest> queue_;
  std::size_t planning_ = 0;
};

}  // namespace disk

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "relay/disk/policy.hpp"
#include "relay/disk/store.hpp"

namespace disk {

/// Removes what was recorded longer ago, or is more, than is to be kept: the oldest first, a few
/// files at a time. Never one that is being written, and none that is being read; behind one of
/// those only space on the disk is a reason, since whoever reads it goes on there. Runs on the
/// threads of the pool, one run at a time.
class Keeper {
 public:
  static constexpr std::size_t removed_max = 64;  ///< files in a run
  using PolicyOf = std::function<KeepPolicy(const std::string& stream)>;

  /// `policy_of` is called in the pool.
  Keeper(Store& store, PolicyOf policy_of) : store_(store), policy_of_(std::move(policy_of)) {}

  /// True: there is more to remove. Blocks.
  bool run(base::Utc now) noexcept;

  struct Removed {
    std::size_t files = 0;
    std::uint64_t bytes = 0;
  };
  /// By the last run.
  const Removed& removed() const noexcept { return removed_; }

 private:
  struct Stream {
    Catalog::Sum sum;
    KeepPolicy policy;
    bool is_done = false;  // for this run
  };

  bool may_go_on() const noexcept { return removed_.files < removed_max && !has_failed_; }
  void keep_limits(Stream& stream, base::Utc now);
  void keep_space(std::vector<Stream>& streams);
  std::optional<Segment> oldest(const Stream& stream, bool behind_held);
  void remove(Stream& stream, const Segment& segment);

  Store& store_;
  PolicyOf policy_of_;
  Removed removed_;
  bool has_failed_ = false;
  bool has_said_so_ = false;
};

}  // namespace disk

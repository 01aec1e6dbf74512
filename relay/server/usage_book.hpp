#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "relay/base/logging.hpp"
#include "relay/base/time.hpp"
#include "relay/state/store.hpp"
#include "relay/usage/ledger.hpp"

namespace server {

/// What one stream took in and gave out since that was told last.
struct StreamUse {
  struct Viewing {
    base::Utc from{};
    base::Utc to{};
    std::uint64_t viewers = 0;
  };

  std::string stream;
  std::uint64_t bytes_in = 0;   ///< received from publishers
  std::uint64_t bytes_out = 0;  ///< sent to viewers
  std::vector<Viewing> viewings;
};

/// The sums of all workers per stream and day of UTC. Belongs to the relay; outlives the workers
/// and goes before the store, which has all of it then. Any thread.
class UsageBook {
 public:
  /// That one call of save() writes at most: about a millisecond.
  static constexpr std::size_t rows_per_save = 256;

  /// Begins with what the store has, or adds that as soon as it can be read; a record that
  /// contradicts its own key counts for nothing. `store`: null if sums end with the process.
  UsageBook(state::Store* store, base::Log& log);
  /// Saves.
  ~UsageBook();
  UsageBook(const UsageBook&) = delete;
  UsageBook& operator=(const UsageBook&) = delete;

  /// Bytes are of the day of `now`, viewings of the days that they lie in.
  void add(std::span<const StreamUse> uses, base::Utc now);
  /// Gives the store what has changed; its next commit writes that. True: there is more. One
  /// thread.
  bool save();
  /// As `usage::Ledger::select()`.
  usage::Page select(const usage::Days& days, std::optional<std::string_view> stream,
                     std::size_t entries_max) const;

 private:
  bool restore();

  state::Store* const store_;
  base::Log& log_;
  bool was_restored_ = false;
  mutable std::mutex lock_;  // of the ledger; held while nothing blocks
  usage::Ledger ledger_;
};

}  // namespace server

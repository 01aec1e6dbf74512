#pragma once

#include <cstdint>
#include <string>

#include "relay/base/time.hpp"

namespace state {

/// What a store did since its start, unless it says `now`.
struct Counters {
  std::uint64_t commits = 0;   ///< transactions with something in them
  std::uint64_t records = 0;   ///< written, or removed
  std::uint64_t bytes = 0;     ///< of the records that were written
  std::uint64_t failures = 0;  ///< attempts that wrote nothing
  std::uint64_t late = 0;      ///< commits that took longer than a second
  std::uint64_t rewrites = 0;  ///< of everything, after the database was lost or damaged
  std::uint64_t refused = 0;   ///< records that were too large to be kept
  std::uint64_t damaged_records = 0;
  std::uint64_t damaged_databases = 0;
  base::Duration commit_time{};  ///< of all commits together

  bool in_memory = false;     ///< now: what changes is not written
  std::string detail;         ///< why, then
  std::uint64_t kept = 0;     ///< now: records
  std::uint64_t waiting = 0;  ///< now: of them, or removed ones, those that are to be written
};

}  // namespace state

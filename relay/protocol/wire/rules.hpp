#pragma once

#include <cstdint>

#include "relay/base/result.hpp"
#include "relay/base/time.hpp"
#include "relay/protocol/wire/errc.hpp"
#include "relay/protocol/wire/message.hpp"

namespace wire {

/// Whether a chunk fits the tracks that were announced: their version, the tracks of its samples,
/// and times that no later arithmetic can break.
base::Result<void> check_chunk(const Chunk& chunk, const Tracks& tracks) noexcept;

/// How many messages that are no chunks a peer may send: a few at once, then so many a second.
class Allowance {
 public:
  static constexpr std::uint32_t burst = 200;
  static constexpr std::uint32_t per_second = 100;

  /// One more message; false: that is too many.
  bool take(base::Time now) noexcept;

 private:
  static constexpr base::Duration interval = base::Duration(std::chrono::seconds(1)) / per_second;
  base::Time empty_at_{};  // when all would be given back, if nothing more is taken
};

}  // namespace wire

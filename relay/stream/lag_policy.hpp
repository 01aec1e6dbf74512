#pragma once

#include <cstdint>
#include <optional>

#include "relay/stream/cursor.hpp"
#include "relay/stream/policy.hpp"
#include "relay/stream/stream_log.hpp"

namespace stream {

enum class LagAction { stay, jump, disconnect };

struct LagDecision {
  LagAction action = LagAction::stay;
  /// Where to jump; none: to the next sync chunk that comes.
  std::optional<std::uint64_t> sequence;
  SkipReason reason = SkipReason::lag;
  /// What it misses is for it, where that can be had elsewhere.
  bool may_leave = false;
};

/// What is to happen to a cursor whose next chunk is `sequence`, which is before the log's end
/// (design, section 6). Decided at a chunk boundary from the log alone, so it is deterministic. In
/// the past nobody lags.
LagDecision decide(const StreamLog& log, std::uint64_t sequence, SlowPolicy slow,
                   base::Duration max_lag) noexcept;

}  // namespace stream

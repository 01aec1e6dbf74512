#include "relay/stream/lag_policy.hpp"

namespace stream {

LagDecision decide(const StreamLog& log, std::uint64_t sequence, SlowPolicy slow,
                   base::Duration max_lag) noexcept {
  const bool fell_out = sequence < log.first();
  if (slow == SlowPolicy::catch_up || log.is_past()) {
    if (!fell_out) return {};
    return {LagAction::jump, log.oldest_sync(), SkipReason::tail, true};
  }
  const auto newest_sync = log.newest_sync();
  // Without a newer sync chunk there is nothing better to show than what comes next, and one that
  // has just begun, at a keyframe that may be older than the lag allowed, has not fallen behind.
  const bool late = !fell_out && newest_sync && *newest_sync > sequence &&
                    to_duration(log.clock() - log.at(sequence).time) > max_lag;
  if (!fell_out && !late) return {};
  // A frame that was cut, because its publisher was slow, is finished first.
  if (!fell_out && log.at(sequence).continues_frame) return {};
  if (slow == SlowPolicy::disconnect) return {LagAction::disconnect, std::nullopt, SkipReason::lag};
  return {LagAction::jump, newest_sync, fell_out ? SkipReason::tail : SkipReason::lag};
}

}  // namespace stream

#include "relay/stream/lag_policy.hpp"

namespace stream {

LagDecision decide(const StreamLog& log, std::uint64_t sequence, SlowPolicy slow,
                   base::Duration max_lag) noexcept {
  const bool fell_out = sequence < log.first();
  if (slow == SlowPolicy::catch_up) {
    if (!fell_out) return {};
    return {LagAction::jump, log.oldest_sync(), SkipReason::tail};
  }
  const bool late = !fell_out && to_duration(log.newest().time - log.at(sequence).time) > max_lag;
  if (!fell_out && !late) return {};
  if (slow == SlowPolicy::disconnect) return {LagAction::disconnect, std::nullopt, SkipReason::lag};
  const auto newest_sync = log.newest_sync();
  if (fell_out) return {LagAction::jump, newest_sync, SkipReason::tail};
  // Without a newer sync chunk there is nothing better to show than what comes next.
  if (!newest_sync || *newest_sync <= sequence) return {};
  return {LagAction::jump, newest_sync, SkipReason::lag};
}

}  // namespace stream

#pragma once

#include <cstdint>
#include <optional>

#include "relay/base/time.hpp"

namespace client {

/// How long to wait before the next try to connect: at first hardly, then twice as long each time,
/// up to a bound, with jitter, so that clients that lost the same relay do not come back together.
/// No clock and no randomness of its own. One thread.
class Backoff {
 public:
  struct Policy {
    base::Duration first = std::chrono::milliseconds(50);
    base::Duration most = std::chrono::seconds(2);
    /// Failed tries in a row after which it gives up; nothing: never.
    std::optional<unsigned> retries;
  };

  explicit Backoff(Policy policy) noexcept : policy_(policy) {}

  /// A try failed, or a connection was lost. `at_least`: what the peer asked for. `random`: any 64
  /// bits. The wait, which lies between half of the present bound and the bound; nothing: give up.
  std::optional<base::Duration> next(base::Duration at_least, std::uint64_t random) noexcept;
  /// A connection was of use: the next loss begins at the first wait again.
  void succeed() noexcept { failures_ = 0; }

  unsigned failures() const noexcept { return failures_; }

 private:
  Policy policy_;
  unsigned failures_ = 0;  // in a row
};

}  // namespace client

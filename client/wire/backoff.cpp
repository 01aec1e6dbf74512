#include "client/wire/backoff.hpp"

#include <algorithm>

namespace client {

std::optional<base::Duration> Backoff::next(base::Duration at_least,
                                            std::uint64_t random) noexcept {
  if (policy_.retries && failures_ >= *policy_.retries) return std::nullopt;
  base::Duration bound = policy_.first;
  for (unsigned doubled = 0; doubled < failures_ && bound < policy_.most; ++doubled) bound *= 2;
  bound = std::min(bound, policy_.most);
  ++failures_;
  const std::int64_t half = bound.count() / 2;
  const auto spread = static_cast<std::uint64_t>(bound.count() - half) + 1;
  const base::Duration wait(half + static_cast<std::int64_t>(random % spread));
  // What was asked for is not shortened, and those who were asked the same are spread too.
  return at_least > base::Duration::zero() ? at_least + wait : wait;
}

}  // namespace client

#include "relay/token/revocations.hpp"

namespace token {

base::Result<void> Revocations::add(const Revocation& revocation, base::Utc now) {
  if (revocation.expires <= now) return {};
  const auto found = entries_.find(revocation.id);
  if (found != entries_.end()) {
    if (found->second >= revocation.expires) return {};
    by_expiry_.erase({found->second, found->first});
    found->second = revocation.expires;
  } else {
    if (entries_.size() >= entries_max_) forget_expired(now);
    if (entries_.size() >= entries_max_) return Errc::too_many_revocations;
    entries_.emplace(revocation.id, revocation.expires);
  }
  by_expiry_.emplace(revocation.expires, revocation.id);
  return {};
}

bool Revocations::forget_expired(base::Utc now) {
  take_expired(now);
  return !by_expiry_.empty() && by_expiry_.begin()->first <= now;
}

std::vector<Id> Revocations::take_expired(base::Utc now) {
  std::vector<Id> forgotten;
  while (!by_expiry_.empty() && by_expiry_.begin()->first <= now &&
         forgotten.size() < forgotten_per_call) {
    forgotten.push_back(by_expiry_.begin()->second);
    entries_.erase(by_expiry_.begin()->second);
    by_expiry_.erase(by_expiry_.begin());
  }
  return forgotten;
}

std::vector<Revocation> Revocations::list() const {
  std::vector<Revocation> all;
  all.reserve(by_expiry_.size());
  for (const auto& [expires, id] : by_expiry_) all.push_back({id, expires});
  return all;
}

std::vector<Revocation> Revocations::list(const std::optional<Id>& after, std::size_t most) const {
  std::vector<Revocation> some;
  auto one = after ? entries_.upper_bound(*after) : entries_.begin();
  for (; one != entries_.end() && some.size() < most; ++one)
    some.push_back({one->first, one->second});
  return some;
}

}  // namespace token

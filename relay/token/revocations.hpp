#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/token/claims.hpp"
#include "relay/token/errc.hpp"

namespace token {

/// A token that does not count any more, and until when that has to be remembered.
struct Revocation {
  Id id;
  base::Utc expires{};
  friend bool operator==(const Revocation&, const Revocation&) = default;
};

/// Tokens that were revoked and have not expired. A plain value of one thread. What is full refuses
/// one more rather than make an older one valid again.
class Revocations {
 public:
  static constexpr std::size_t default_entries_max = 100'000;
  /// Expired ones that one call forgets at most.
  static constexpr std::size_t forgotten_per_call = 64;

  explicit Revocations(std::size_t entries_max = default_entries_max) : entries_max_(entries_max) {}

  /// Also what a store gives back. One that is there stays until the later of both times; one that
  /// has expired is no entry. `Errc::too_many_revocations` when full.
  base::Result<void> add(const Revocation& revocation, base::Utc now);
  bool contains(const Id& id) const { return entries_.contains(id); }
  /// Forgets what has expired, a few at a time. True when there is more.
  bool forget_expired(base::Utc now);
  /// The same; what was forgotten. As many as may be at a time: there may be more.
  std::vector<Id> take_expired(base::Utc now);

  std::size_t size() const noexcept { return entries_.size(); }
  /// All, the first to expire first: for a store.
  std::vector<Revocation> list() const;
  /// In order of their ids: those behind `after`, so many at most.
  std::vector<Revocation> list(const std::optional<Id>& after, std::size_t most) const;

 private:
  std::size_t entries_max_;
  std::map<Id, base::Utc> entries_;
  std::set<std::pair<base::Utc, Id>> by_expiry_;  // the same
};

}  // namespace token

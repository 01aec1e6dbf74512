#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "relay/base/time.hpp"
#include "relay/protocol/wire/message.hpp"
#include "relay/state/store.hpp"
#include "relay/token/revocations.hpp"

// Publishers, viewers, their leases and revoked tokens as records, in plain values.
namespace state {

/// How a viewer wants to be served, as in Play.
struct Wishes {
  wire::Slow slow = wire::Slow::unspecified;
  wire::Milliseconds max_lag{};             ///< 0: as configured
  std::optional<wire::Milliseconds> flush;  ///< nothing: the relay chooses
  friend bool operator==(const Wishes&, const Wishes&) = default;
};

/// A session over the wire, as `PublisherRecord` or `ViewerRecord` has it. The key is its token.
struct SessionEntry {
  std::string stream;
  base::Utc start{};
  base::Utc seen{};
  std::uint64_t bytes = 0;
  wire::Position place;  ///< what a publisher sends next, or a viewer gets next; epoch 0: not known
  Wishes wishes;         ///< of a viewer
};

enum class Holder { unknown, publisher, viewer };

struct LeaseEntry {
  std::string token;
  std::string stream;
  Holder holder = Holder::unknown;
  base::Utc expiry{};
};

// Any thread; the key is the token.

void put_publisher(Store& store, const std::string& token, const SessionEntry& entry);
void put_viewer(Store& store, const std::string& token, const SessionEntry& entry);
void put_lease(Store& store, const LeaseEntry& entry);

/// The key is the token's id.
void put_revocation(Store& store, const token::Revocation& revocation);
void erase_revocation(Store& store, const token::Id& id);

// For the start, as Store::each(). A token in a record that is not its key does not count.

using VisitSession = std::function<void(const std::string& token, SessionEntry)>;
void each_publisher(const Store& store, const VisitSession& visit);
void each_viewer(const Store& store, const VisitSession& visit);
void each_lease(const Store& store, const std::function<void(LeaseEntry)>& visit);

/// One without an end is until the year 9999; one whose key is no id is left out.
void each_revocation(const Store& store, const std::function<void(token::Revocation)>& visit);

}  // namespace state

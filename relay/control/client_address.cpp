#include "relay/control/client_address.hpp"

#include "relay/http/forwarded.hpp"

namespace control {
namespace {

base::Endpoint walk(const http::ForwardedHops& hops, const base::Endpoint& peer,
                    const AddressRanges& trusted_proxies) {
  base::Endpoint client = peer;
  for (const auto& hop : hops) {
    if (!hop) break;
    client = *hop;
    if (!trusted_proxies.allows(client)) break;
  }
  return client;
}

}  // namespace

base::Result<base::Endpoint> client_of(const http::RequestHead& head, const base::Endpoint& peer,
                                       const AddressRanges& trusted_proxies) {
  if (!trusted_proxies.allows(peer)) return peer;
  const auto forwarded = http::read_forwarded(head);
  if (!forwarded) return forwarded.error();
  const auto listed = http::read_x_forwarded_for(head);
  const base::Endpoint client = walk(listed, peer, trusted_proxies);
  if (forwarded->empty()) return client;
  const base::Endpoint other = walk(*forwarded, peer, trusted_proxies);
  if (!listed.empty() && client.address != other.address) return Errc::ambiguous_client;
  return other;
}

}  // namespace control

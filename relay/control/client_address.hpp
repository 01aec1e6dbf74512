#pragma once

#include "relay/base/endpoint.hpp"
#include "relay/base/result.hpp"
#include "relay/control/access.hpp"
#include "relay/http/request_head.hpp"

namespace control {

/// On whose behalf `peer` sends a request: of what a trusted proxy says in `X-Forwarded-For` or
/// `Forwarded`, read from the end, the first address that is not a trusted proxy's itself. Behind
/// one that does not say, that proxy's own. What anybody else says is not looked at.
/// An error when `Forwarded` is malformed, or the two fields name different addresses: one of them
/// is what the client itself has sent, and nobody knows which.
base::Result<base::Endpoint> client_of(const http::RequestHead& head, const base::Endpoint& peer,
                                       const AddressRanges& trusted_proxies);

}  // namespace control

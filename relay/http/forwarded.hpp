#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "relay/base/endpoint.hpp"
#include "relay/base/result.hpp"
#include "relay/http/request_head.hpp"

namespace http {

/// Of a longer chain of proxies, what the last ones say is kept.
constexpr std::size_t forwarded_hops_max = 32;

/// From whom each proxy on the way had the request, the last proxy first. Nothing: it does not say,
/// or by a name.
using ForwardedHops = std::vector<std::optional<base::Endpoint>>;

/// What all fields `X-Forwarded-For` say together: a list of addresses, with or without ports.
/// What is no address is a hop that does not say.
ForwardedHops read_x_forwarded_for(const RequestHead& head);

/// The `for=` of all fields `Forwarded` together (RFC 7239, 4). An error where they are malformed:
/// a quote that was left open would swallow what honest proxies have appended.
base::Result<ForwardedHops> read_forwarded(const RequestHead& head);

}  // namespace http

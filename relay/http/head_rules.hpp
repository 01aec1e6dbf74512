#pragma once

#include <string_view>

#include "relay/base/result.hpp"
#include "relay/http/request_head.hpp"

namespace http {

/// What Beast would let pass: checks the lines of a raw head (RFC 9112, 3 and 5) before it is
/// parsed.
base::Result<void> check_lines(std::string_view head);

/// Fills what follows from method, target, version and fields: host, target form, how the body ends
/// and what happens to the connection. Refuses what could be read in two ways (RFC 9112, 6.3 and
/// 11.2).
base::Result<void> interpret(RequestHead& head);

}  // namespace http

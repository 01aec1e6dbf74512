#pragma once

#include <string_view>

#include "relay/base/result.hpp"
#include "relay/http/request_head.hpp"

namespace http {

/// Parses one whole head, from the request line to the empty line at its end. `HeadReader` has
/// framed it: every line ends with CRLF and there are no other control characters but tabs.
base::Result<RequestHead> parse_head(std::string_view head);

}  // namespace http

#pragma once

#include <cstddef>
#include <string_view>

#include "relay/http/request_head.hpp"

namespace http {

constexpr std::size_t request_id_bytes_max = 128;

/// What the one field `X-Request-Id` says, if that may stand in a log: 1 to 128 of
/// `[A-Za-z0-9._~:/+=@-]`. Empty: there is none, there are several, or it is something else.
std::string_view find_request_id(const RequestHead& head) noexcept;

}  // namespace http

#pragma once

#include <string_view>

namespace http {

/// Whether an If-None-Match field (RFC 9110, 13.1.2) is `*` or has `etag`, weak or strong, among
/// its entity tags: then the client has what it asks for. What is malformed has none.
bool has_etag(std::string_view field, std::string_view etag) noexcept;

}  // namespace http

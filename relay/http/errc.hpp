#pragma once

#include "relay/base/result.hpp"

namespace http {

/// Why a request head is refused. `describe()` is the one line that the response shows.
enum class Errc {
  bad_request = 1,   ///< not HTTP/1: control characters, bare line feeds, no request line
  bad_request_line,  ///< a method, target or version that is malformed
  bad_target,        ///< a request target of the wrong form
  bad_field,         ///< a header line that is malformed or folded
  repeated_field,    ///< a field that may come once came again
  bad_host,          ///< no Host, several, or one that is not a host
  bad_body_length,   ///< Content-Length and Transfer-Encoding leave a doubt where the body ends
  head_too_large,    ///< 431: over `head_bytes_max` or `head_fields_max`
  version_not_supported,  ///< 505: neither HTTP/1.0 nor HTTP/1.1
  expectation_failed,     ///< 417: an Expect other than 100-continue
  bad_forwarded,          ///< a Forwarded that is malformed, from a proxy that is trusted
};

const char* describe(Errc errc) noexcept;

/// The status that answers a request which ended with `error`; 400 for errors of other folders.
unsigned status_of(const base::Error& error) noexcept;

}  // namespace http

RELAY_ERROR_CODES(http)

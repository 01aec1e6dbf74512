#pragma once

#include "relay/base/result.hpp"

namespace http::proxy {

/// Why a connection that must begin with a PROXY header does not.
enum class Errc {
  no_header = 1,  ///< the first bytes are neither version's
  bad_line,       ///< version 1: not the words, addresses and ports it must be
  line_too_long,  ///< version 1: over `line_bytes_max`
  bad_version,    ///< version 2: another version or an unknown command
  bad_family,     ///< version 2: an address family or transport that nobody has defined
  bad_length,     ///< version 2: too short for its addresses
  too_long,       ///< version 2: over `header_bytes_max`
};

const char* describe(Errc errc) noexcept;

}  // namespace http::proxy

RELAY_ERROR_CODES(http::proxy)

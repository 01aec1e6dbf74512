#pragma once

#include "relay/base/result.hpp"

namespace token {

/// Why a token is refused.
enum class Errc {
  malformed = 1,  ///< not the text of a token
  bad_signature,  ///< not signed by us, or with a key that no longer counts
  expired,
  other_stream,
  other_kind,  ///< a viewer's where a publisher's is needed, or the reverse
  revoked,
  too_many_revocations,  ///< of a revocation: there is no room for one more
};

const char* describe(Errc errc) noexcept;

}  // namespace token

RELAY_ERROR_CODES(token)

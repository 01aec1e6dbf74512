#include "relay/token/errc.hpp"

namespace token {

const char* describe(Errc errc) noexcept {
  switch (errc) {
    case Errc::malformed:
      return "this is not a token";
    case Errc::bad_signature:
      return "the token was not signed here";
    case Errc::expired:
      return "the token has expired";
    case Errc::other_stream:
      return "the token is for another stream";
    case Errc::other_kind:
      return "the token is not for this: publishers and viewers have their own";
    case Errc::revoked:
      return "the token was revoked";
    case Errc::too_many_revocations:
      return "too many tokens are revoked: there is room when some of them have expired";
  }
  return "unknown error";
}

}  // namespace token

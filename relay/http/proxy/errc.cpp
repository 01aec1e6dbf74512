#include "relay/http/proxy/errc.hpp"

namespace http::proxy {

const char* describe(Errc errc) noexcept {
  switch (errc) {
    case Errc::no_header:
      return "the connection does not begin with a PROXY header";
    case Errc::bad_line:
      return "the PROXY line is malformed";
    case Errc::line_too_long:
      return "the PROXY line is too long";
    case Errc::bad_version:
      return "the PROXY header has an unknown version or command";
    case Errc::bad_family:
      return "the PROXY header has an unknown address family";
    case Errc::bad_length:
      return "the PROXY header is too short for its addresses";
    case Errc::too_long:
      return "the PROXY header is too long";
  }
  return "unknown error";
}

}  // namespace http::proxy

#include "relay/http/errc.hpp"

namespace http {

const char* describe(Errc errc) noexcept {
  switch (errc) {
    case Errc::bad_request:
      return "this is not an HTTP/1 request";
    case Errc::bad_request_line:
      return "the request line is malformed";
    case Errc::bad_target:
      return "the request target is malformed";
    case Errc::bad_field:
      return "a header field is malformed";
    case Errc::repeated_field:
      return "a header field that may come once came twice";
    case Errc::bad_host:
      return "HTTP/1.1 needs exactly one valid Host";
    case Errc::bad_body_length:
      return "the length of the body is not clear";
    case Errc::head_too_large:
      return "the request head is too large";
    case Errc::version_not_supported:
      return "only HTTP/1.0 and HTTP/1.1 are spoken here";
    case Errc::expectation_failed:
      return "the only expectation met here is 100-continue";
    case Errc::bad_forwarded:
      return "the field Forwarded is malformed";
  }
  return "unknown error";
}

unsigned status_of(const base::Error& error) noexcept {
  if (error == make_error_code(Errc::head_too_large)) return 431;
  if (error == make_error_code(Errc::version_not_supported)) return 505;
  if (error == make_error_code(Errc::expectation_failed)) return 417;
  return 400;
}

}  // namespace http

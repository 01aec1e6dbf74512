#include "relay/http/response.hpp"

namespace http {

ResponseHead fresh_head(std::string_view content_type) {
  return {200,
          {{"Content-Type", std::string(content_type)},
           {"Cache-Control", "no-store"},
           {"Access-Control-Allow-Origin", "*"}}};
}

std::string write_response(ResponseHead head, std::string_view body, bool keep_alive,
                           bool head_only) {
  // RFC 9110, 8.6: neither 1xx nor 204 says a length; 304 has no body to tell the length of.
  const bool has_body = head.status >= 200 && head.status != 204 && head.status != 304;
  if (has_body) head.fields.emplace_back("Content-Length", std::to_string(body.size()));
  if (keep_alive != head.http_1_1) {
    head.fields.emplace_back("Connection", keep_alive ? "keep-alive" : "close");
  }
  std::string bytes = write_head(head);
  if (has_body && !head_only) bytes += body;
  return bytes;
}

}  // namespace http

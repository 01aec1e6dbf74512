#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace http {

struct ResponseHead {
  unsigned status = 200;
  std::vector<std::pair<std::string, std::string>> fields;
  bool http_1_1 = true;
};

/// 200, of something that is another one at the next request: nobody keeps it, any page may read
/// it.
ResponseHead fresh_head(std::string_view content_type);

/// The head as bytes, with the usual reason phrase. Control characters in a value become spaces, so
/// that nothing a peer sent can begin another field. Adds no field of its own.
std::string write_head(const ResponseHead& head);

/// A whole response: adds Content-Length and Connection (the latter where it is not the version's
/// default). `head_only`: the answer to HEAD, with the length of a body that is left out.
std::string write_response(ResponseHead head, std::string_view body, bool keep_alive,
                           bool head_only);

}  // namespace http

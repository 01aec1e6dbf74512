#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace http {

enum class Method { get, head, put, post, options, delete_, other };

/// A request head that passed every check: what it says about the body has one reading only.
struct RequestHead {
  Method method = Method::other;
  std::string method_text;
  std::string target;  ///< origin form (`/path?query`) or `*`; an absolute form lost its authority
  bool http_1_1 = false;
  bool keep_alive = false;  ///< another request may follow on this connection

  /// At most one of the three; with none of them there is no body.
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool until_close = false;  ///< PUT or POST with HTTP/1.0 or `Connection: close` only

  bool has_body() const noexcept {
    return chunked || until_close || content_length.value_or(0) > 0;
  }

  bool expect_continue = false;
  bool upgrade = false;  ///< `Connection: upgrade` and an Upgrade field, see `find("Upgrade")`

  std::string host, user_agent, origin, authorization, content_type, range, if_range;
  std::string if_none_match;  ///< of all fields of that name, with commas between them
  std::vector<std::pair<std::string, std::string>> fields;  ///< all of them, in order

  /// The first field of that name (case does not matter), or null.
  const std::string* find(std::string_view name) const noexcept;
};

/// ASCII only, as HTTP compares names and tokens.
bool equal_ignoring_case(std::string_view left, std::string_view right) noexcept;

}  // namespace http

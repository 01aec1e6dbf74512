#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "relay/base/time.hpp"
#include "relay/stream/policy.hpp"

namespace http {

/// What a media request asks for besides the stream. Bounds that depend on the path's policy are
/// the server's to check.
struct MediaQuery {
  std::optional<base::Duration> wait;  ///< 0 to 60 s
  std::optional<stream::SlowPolicy> slow;
  std::optional<base::Duration> max_lag;  ///< over 0
  std::optional<base::Duration> flush;    ///< 0 to 1 s
};

/// Reads what follows the `?` of a target into `query`; unknown parameters are skipped. Returns why
/// a known one is refused, as one line.
std::optional<std::string> read_query(std::string_view text, MediaQuery& query);

}  // namespace http

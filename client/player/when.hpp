#pragma once

#include <optional>
#include <string_view>

#include "relay/base/time.hpp"

namespace client {

/// A point in time as `--at` says it: RFC 3339 (`2026-11-26T10:00:00Z`, `…10:00:00.5+01:00`), or
/// how long before `now` (`-30s`, `-1.5m`; bare: seconds). Nothing if it is neither.
std::optional<base::Utc> parse_when(std::string_view text, base::Utc now);

}  // namespace client

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace base {

/// A point on the monotonic clock of this machine (CLOCK_MONOTONIC, nanoseconds).
using Time = std::chrono::steady_clock::time_point;
using Duration = std::chrono::nanoseconds;

/// A point on the UTC clock, in microseconds since 1970.
using Utc = std::chrono::sys_time<std::chrono::microseconds>;

inline Time monotonic_now() noexcept { return std::chrono::steady_clock::now(); }
inline Utc utc_now() noexcept {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

/// 2026-11-23T22:46:00.123Z
std::string to_iso8601(Utc utc);

/// `2026-11-23T22:46:00Z`, `2026-11-23t23:46:00.5+01:00`: RFC 3339, 5.6, of the years 0 to 9999.
/// What is less than a microsecond is cut off; a leap second is the first of the next minute.
std::optional<Utc> parse_rfc3339(std::string_view text) noexcept;

inline double to_seconds(Duration duration) noexcept {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace base

#include "relay/base/time.hpp"

#include <cstdio>
#include <ctime>

namespace base {

std::string to_iso8601(Utc utc) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(utc);
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(utc - seconds).count();
  const std::time_t when = seconds.time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&when, &parts);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  char fraction[8];
  std::snprintf(fraction, sizeof fraction, ".%03dZ", static_cast<int>(milliseconds) % 1000);
  return std::string(text, size) + fraction;
}

}  // namespace base

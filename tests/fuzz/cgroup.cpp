// What files of control groups may say: no number is taken for another one, and no quota overflows.

#include "relay/control/cgroup.hpp"

#include <cstdint>
#include <string>
#include <string_view>

#include "relay/base/assert.hpp"
#include "relay/control/usable_cpus.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto line = text.substr(0, text.find('\n'));
  const auto millis = control::parse_cpu_max(text);
  const std::uint32_t cpus = control::usable_cpus(8, millis);
  RELAY_ASSERT(cpus >= 1 && cpus <= 8);
  if (millis) RELAY_ASSERT(line.find_first_not_of("0123456789 ") == std::string_view::npos);
  const auto bytes = control::parse_memory_limit(text);
  if (bytes) {
    const std::string digits = std::to_string(*bytes);
    RELAY_ASSERT(line.ends_with(digits));
    RELAY_ASSERT(line.find_first_not_of('0') == line.size() - digits.size() || *bytes == 0);
  }
  for (const control::Cgroup& group : control::parse_cgroups(text)) {
    RELAY_ASSERT(group.controllers.find_first_of("/.\n") == std::string::npos);
    RELAY_ASSERT(group.path.find('\n') == std::string::npos);
    RELAY_ASSERT(group.controllers.empty() || !group.has("") || group.controllers.front() == ',' ||
                 group.controllers.back() == ',' ||
                 group.controllers.find(",,") != std::string::npos);
  }
  return 0;
}

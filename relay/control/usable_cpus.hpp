#pragma once

#include <cstdint>
#include <optional>

namespace control {

/// How many cores this process may use: the CPUs it is bound to, or the container's CPU quota
/// rounded up, whichever is less. At least 1.
std::uint32_t usable_cpus();
/// The same of these: `bound` CPUs, and thousandths of a core.
std::uint32_t usable_cpus(std::uint32_t bound, std::optional<std::uint64_t> quota_millis);

}  // namespace control

#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace control {

/// How many cores this process may use: the CPUs it is bound to, or the container's CPU quota
/// rounded up, whichever is less. At least 1.
std::uint32_t usable_cpus();

/// The CPU quota of this process's control groups, v1 or v2, and of all groups around them, in
/// thousandths of a core; nothing where none is set. `root` is / outside of tests.
std::optional<std::uint64_t> cpu_quota_millis(const std::filesystem::path& root);

}  // namespace control

#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace control {

/// What control groups, v1 or v2, allow this process: the least of its own groups and of all around
/// them. Nothing where no limit is set, or none can be read. `root` is / outside of tests.

/// CPU time in thousandths of a core.
std::optional<std::uint64_t> cpu_quota_millis(const std::filesystem::path& root);
std::optional<std::uint64_t> memory_limit_bytes(const std::filesystem::path& root);

/// A line of /proc/self/cgroup, cgroups(7): `4:cpu,cpuacct:/docker/abc`, or `0::/` of v2.
struct Cgroup {
  std::string controllers;  ///< empty: v2
  std::string path;

  bool has(std::string_view controller) const;
};

/// The lines that are such lines.
std::vector<Cgroup> parse_cgroups(std::string_view text);
/// `cpu.max` of v2: `150000 100000`, `max 100000`.
std::optional<std::uint64_t> parse_cpu_max(std::string_view text);
/// `cpu.cfs_quota_us` and `cpu.cfs_period_us` of v1: `150000`, `100000`; -1: no quota.
std::optional<std::uint64_t> parse_cpu_quota(std::string_view quota_us, std::string_view period_us);
/// `memory.max` of v2, `max` or bytes, and `memory.limit_in_bytes` of v1, where no limit is nearly
/// 2^63.
std::optional<std::uint64_t> parse_memory_limit(std::string_view text);

}  // namespace control

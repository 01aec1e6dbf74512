#include "relay/control/usable_cpus.hpp"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

namespace control {
namespace {

namespace fs = std::filesystem;
using Quota = std::optional<std::uint64_t>;

Quota smaller(Quota a, Quota b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

std::string first_line(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

std::optional<std::uint64_t> to_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return number;
}

/// "max" (v2) and -1 (v1) are no numbers here and mean that there is no quota.
Quota to_millis(std::string_view quota_us, std::string_view period_us) {
  const auto quota = to_number(quota_us);
  const auto period = to_number(period_us);
  // Microseconds: a day is far above what the kernel accepts (1 s), and cannot overflow below.
  constexpr std::uint64_t day_us = 86'400'000'000;
  if (!quota || !period || *period == 0 || *quota > day_us * 1'000) return std::nullopt;
  return (*quota * 1'000 + *period - 1) / *period;
}

Quota quota_v2(const fs::path& group) {
  const std::string line = first_line(group / "cpu.max");  // "150000 100000" or "max 100000"
  const auto space = line.find(' ');
  if (space == std::string::npos) return std::nullopt;
  return to_millis(std::string_view(line).substr(0, space),
                   std::string_view(line).substr(space + 1));
}

Quota quota_v1(const fs::path& group) {
  return to_millis(first_line(group / "cpu.cfs_quota_us"), first_line(group / "cpu.cfs_period_us"));
}

/// The least quota of a group and all around it. In a container the group's path may be that of the
/// host and not be visible; then the container's own group is the mount itself, the last one asked.
Quota least_quota(const fs::path& mount, std::string_view group, Quota (*read)(const fs::path&)) {
  Quota least;
  fs::path path = fs::path(group).relative_path().lexically_normal();
  // A group outside of this namespace is shown as /../..; there is nothing to read there.
  const bool outside = path.begin() != path.end() && *path.begin() == "..";
  if (outside) path.clear();
  while (!path.empty() && path != ".") {
    least = smaller(least, read(mount / path));
    path = path.parent_path();
  }
  return smaller(least, read(mount));
}

bool has_cpu(std::string_view controllers) {
  while (true) {
    const auto comma = controllers.find(',');
    if (controllers.substr(0, comma) == "cpu") return true;
    if (comma == std::string_view::npos) return false;
    controllers.remove_prefix(comma + 1);
  }
}

std::uint32_t bound_cpus() {
  // The kernel refuses a set that is smaller than its own, so try larger ones.
  for (int cpus = 1024; cpus <= 1 << 20; cpus *= 4) {
    cpu_set_t* set = CPU_ALLOC(static_cast<std::size_t>(cpus));
    if (set == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(cpus));
    const bool known = sched_getaffinity(0, bytes, set) == 0;
    const int count = known ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (count > 0) return static_cast<std::uint32_t>(count);
  }
  return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace

std::optional<std::uint64_t> cpu_quota_millis(const fs::path& root) {
  const fs::path mounts = root / "sys/fs/cgroup";
  Quota least;
  std::ifstream groups(root / "proc/self/cgroup");  // lines of ID:CONTROLLERS:PATH, cgroups(7)
  for (std::string line; std::getline(groups, line);) {
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (controllers.empty()) {
      least = smaller(least, least_quota(mounts, group, quota_v2));
      least = smaller(least, least_quota(mounts / "unified", group, quota_v2));
    } else if (has_cpu(controllers)) {
      least = smaller(least, least_quota(mounts / controllers, group, quota_v1));
      if (controllers != "cpu")
        least = smaller(least, least_quota(mounts / "cpu", group, quota_v1));
    }
  }
  return least;
}

std::uint32_t usable_cpus() {
  const std::uint32_t bound = bound_cpus();
  const auto millis = cpu_quota_millis("/");
  if (!millis) return bound;
  const std::uint64_t whole = std::max<std::uint64_t>(1, (*millis + 999) / 1'000);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(bound, whole));
}

}  // namespace control

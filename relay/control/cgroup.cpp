#include "relay/control/cgroup.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>

namespace control {
namespace {

namespace fs = std::filesystem;
using Limit = std::optional<std::uint64_t>;
using ReadLimit = Limit (*)(const fs::path& group);

// What the kernel writes is much shorter.
constexpr std::size_t limit_bytes_max = 256;
constexpr std::size_t groups_bytes_max = 64 * 1024;
constexpr std::size_t group_depth_max = 64;

Limit smaller(Limit a, Limit b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

std::string read_beginning(const fs::path& file, std::size_t bytes_max) {
  std::ifstream in(file, std::ios::binary);
  std::string text(bytes_max, '\0');
  in.read(text.data(), static_cast<std::streamsize>(bytes_max));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  return text;
}

std::string read_limit(const fs::path& file) { return read_beginning(file, limit_bytes_max); }

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

Limit to_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return number;
}

Limit cpu_v2(const fs::path& group) { return parse_cpu_max(read_limit(group / "cpu.max")); }
Limit cpu_v1(const fs::path& group) {
  return parse_cpu_quota(read_limit(group / "cpu.cfs_quota_us"),
                         read_limit(group / "cpu.cfs_period_us"));
}
Limit memory_v2(const fs::path& group) {
  return parse_memory_limit(read_limit(group / "memory.max"));
}
Limit memory_v1(const fs::path& group) {
  return parse_memory_limit(read_limit(group / "memory.limit_in_bytes"));
}

/// The least limit of a group and all around it. In a container the group's path may be that of the
/// host and not be visible; then the container's own group is the mount itself, the last one asked.
Limit least_around(const fs::path& mount, std::string_view group, ReadLimit read) {
  Limit least;
  fs::path path = fs::path(group).relative_path().lexically_normal();
  // A group outside of this namespace is shown as /../..; there is nothing to read there.
  const bool outside = path.begin() != path.end() && *path.begin() == "..";
  if (outside) path.clear();
  for (std::size_t depth = 0; depth < group_depth_max && !path.empty() && path != "."; ++depth) {
    least = smaller(least, read(mount / path));
    path = path.parent_path();
  }
  return smaller(least, read(mount));
}

/// v1 groups are mounted by the names of their controllers, or of the one that is asked for.
Limit least_limit(const fs::path& root, std::string_view controller, ReadLimit read_v1,
                  ReadLimit read_v2) {
  const fs::path mounts = root / "sys/fs/cgroup";
  Limit least;
  for (const Cgroup& group :
       parse_cgroups(read_beginning(root / "proc/self/cgroup", groups_bytes_max))) {
    if (group.controllers.empty()) {
      least = smaller(least, least_around(mounts, group.path, read_v2));
      least = smaller(least, least_around(mounts / "unified", group.path, read_v2));
    } else if (group.has(controller)) {
      least = smaller(least, least_around(mounts / group.controllers, group.path, read_v1));
      if (group.controllers == controller) continue;
      least = smaller(least, least_around(mounts / controller, group.path, read_v1));
    }
  }
  return least;
}

}  // namespace

bool Cgroup::has(std::string_view controller) const {
  std::string_view left = controllers;
  while (true) {
    const auto comma = left.find(',');
    if (left.substr(0, comma) == controller) return true;
    if (comma == std::string_view::npos) return false;
    left.remove_prefix(comma + 1);
  }
}

std::vector<Cgroup> parse_cgroups(std::string_view text) {
  std::vector<Cgroup> groups;
  while (!text.empty()) {
    const auto line = first_line(text);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const auto first = line.find(':');
    const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    // A controller's name is a folder's: nothing but a name may become one.
    if (controllers.find_first_of(std::string_view("/.\0", 3)) != std::string_view::npos) continue;
    groups.push_back({std::string(controllers), std::string(line.substr(second + 1))});
  }
  return groups;
}

std::optional<std::uint64_t> parse_cpu_quota(std::string_view quota_us,
                                             std::string_view period_us) {
  // "max" (v2) and -1 (v1) are no numbers.
  const auto quota = to_number(first_line(quota_us));
  const auto period = to_number(first_line(period_us));
  // Microseconds: a day is far above what the kernel accepts (1 s), and cannot overflow below.
  constexpr std::uint64_t day_us = 86'400'000'000;
  if (!quota || !period || *period == 0 || *quota > day_us * 1'000) return std::nullopt;
  if (*period > day_us) return std::nullopt;
  return (*quota * 1'000 + *period - 1) / *period;
}

std::optional<std::uint64_t> parse_cpu_max(std::string_view text) {
  const auto line = first_line(text);
  const auto space = line.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  return parse_cpu_quota(line.substr(0, space), line.substr(space + 1));
}

std::optional<std::uint64_t> parse_memory_limit(std::string_view text) {
  const auto bytes = to_number(first_line(text));
  constexpr std::uint64_t nobody_has = std::uint64_t{1} << 60;
  if (!bytes || *bytes >= nobody_has) return std::nullopt;
  return bytes;
}

std::optional<std::uint64_t> cpu_quota_millis(const fs::path& root) {
  return least_limit(root, "cpu", cpu_v1, cpu_v2);
}

std::optional<std::uint64_t> memory_limit_bytes(const fs::path& root) {
  return least_limit(root, "memory", memory_v1, memory_v2);
}

}  // namespace control

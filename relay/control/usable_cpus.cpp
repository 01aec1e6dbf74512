#include "relay/control/usable_cpus.hpp"

#include <sched.h>

#include <algorithm>
#include <thread>

#include "relay/control/cgroup.hpp"

namespace control {
namespace {

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

std::uint32_t usable_cpus(std::uint32_t bound, std::optional<std::uint64_t> quota_millis) {
  const std::uint64_t whole = quota_millis ? (*quota_millis + 999) / 1'000 : bound;
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(whole, 1, std::max(1U, bound)));
}

std::uint32_t usable_cpus() { return usable_cpus(bound_cpus(), cpu_quota_millis("/")); }

}  // namespace control

#pragma once

#include <cstdint>

namespace bench {

/// User and system time so far; of process 0: none.
double server_cpu_seconds(std::int64_t pid);
double own_cpu_seconds();

}  // namespace bench

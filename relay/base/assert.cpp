#include "relay/base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace base {

void assertion_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "spancast: bug: %s:%d: %s does not hold\n", file, line, condition);
  std::abort();
}

}  // namespace base

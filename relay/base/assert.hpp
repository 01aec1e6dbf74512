#pragma once

namespace base {

/// Prints the failed condition with its place to stderr and aborts.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace base

/// Checks what only a bug of our own can break; on in every build. Never for what a peer sent.
#define RELAY_ASSERT(condition)           \
  (static_cast<bool>(condition) ? void(0) \
                                : ::base::assertion_failed(#condition, __FILE__, __LINE__))

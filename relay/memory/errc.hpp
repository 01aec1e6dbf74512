#pragma once

#include "relay/base/result.hpp"

namespace memory {

enum class Errc { arena_full = 1 };

const char* describe(Errc errc) noexcept;

}  // namespace memory

RELAY_ERROR_CODES(memory)

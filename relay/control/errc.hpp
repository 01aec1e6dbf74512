#pragma once

#include "relay/base/result.hpp"

namespace control {

enum class Errc { not_an_address = 1, bad_prefix_length, host_bits, ambiguous_client };

const char* describe(Errc errc) noexcept;

}  // namespace control

RELAY_ERROR_CODES(control)

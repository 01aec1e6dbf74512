#pragma once

#include "relay/base/result.hpp"

namespace mpegts {

enum class Errc { no_sync = 1, no_pat, too_many_tracks };

const char* describe(Errc errc) noexcept;

}  // namespace mpegts

RELAY_ERROR_CODES(mpegts)

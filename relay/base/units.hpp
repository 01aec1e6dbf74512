#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "relay/base/result.hpp"
#include "relay/base/time.hpp"

namespace base {

/// Why a number with a unit cannot be read.
enum class Errc {
  not_a_number = 1,
  unknown_unit,
  too_large,    ///< does not fit 63 bits of nanoseconds or bytes
  too_precise,  ///< not a whole number of nanoseconds or bytes
};

const char* describe(Errc errc) noexcept;

}  // namespace base

RELAY_ERROR_CODES(base)

namespace base {

/// `350ms`, `0.5s`: a number that is not negative with the unit us, ms, s, m or h; bare: seconds.
/// Exact: no floating point, and nothing is rounded.
Result<Duration> parse_duration(std::string_view text);

/// `256MiB`, `64KB`: a number with the unit B, KiB, MiB, GiB or KB, MB, GB (thousands); bare:
/// bytes.
Result<std::uint64_t> parse_size(std::string_view text);

/// In the largest unit that needs no fraction; parse_duration reads it back. Not for negative ones.
std::string format_duration(Duration duration);

/// In the largest binary unit that needs no fraction; parse_size reads it back.
std::string format_size(std::uint64_t bytes);

}  // namespace base

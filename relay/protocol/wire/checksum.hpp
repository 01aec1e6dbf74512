#pragma once

#include <cstdint>
#include <span>

#include "relay/media/sample.hpp"

namespace wire {

/// CRC32C (RFC 3720, 12.1: Castagnoli, reflected, inverted before and after) over the payloads of
/// the samples in order. The same in every format.
std::uint32_t checksum_of(std::span<const media::Sample> samples) noexcept;

}  // namespace wire

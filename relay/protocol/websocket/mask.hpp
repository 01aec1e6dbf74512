#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace websocket {

using MaskKey = std::array<std::byte, 4>;

/// Unmasks (or masks) in place a run of a frame's payload that begins at byte `at` of the payload
/// (RFC 6455, 5.3). Sixteen bytes at a time, wherever they lie.
void unmask(std::span<std::byte> bytes, MaskKey key, std::uint64_t at) noexcept;

}  // namespace websocket

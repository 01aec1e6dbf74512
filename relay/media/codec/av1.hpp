#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "relay/media/codec/video_size.hpp"

/// AV1: the bitstream specification and its binding to ISOBMFF.
namespace codec::av1 {

/// The picture size that the sequence header inside an av1C record says; nothing if the record
/// makes no sense or has no sequence header.
std::optional<VideoSize> parse_config(std::span<const std::byte> av1c) noexcept;

}  // namespace codec::av1

#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "relay/media/codec/video_size.hpp"

/// AV1: the bitstream specification and its binding to ISOBMFF.
namespace codec::av1 {

/// The picture size that the sequence header inside an av1C record says; nothing if the record
/// makes no sense or has no sequence header.
std::optional<VideoSize> parse_config(std::span<const std::byte> av1c) noexcept;

/// Of the beginning of a sample, where a sequence header stands before the first frame.
inline constexpr std::size_t config_bytes_max = 1024;

/// The av1C record that the sequence header at the beginning of a sync sample amounts to (AV1 in
/// ISOBMFF, 2.3); nothing if there is none or it makes no sense. `head`: `config_bytes_max` of it.
std::optional<std::vector<std::byte>> make_config(std::span<const std::byte> head);

}  // namespace codec::av1

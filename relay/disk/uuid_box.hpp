#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "relay/media/container/fmp4/box_writer.hpp"

namespace disk {

/// The user types (ISO/IEC 14496-12, 4.2) of our boxes; players pass over what they do not know.
inline constexpr std::string_view head_type = "spancast segment";
inline constexpr std::string_view chunk_type = "spancast   chunk";
inline constexpr std::string_view index_type = "spancast   index";

/// Size, "uuid" and user type.
inline constexpr std::size_t uuid_head_bytes = 24;

/// `bytes` begins with a box of this user type: what size it says. Nothing if not, or if that is
/// smaller than its head.
std::optional<std::uint32_t> uuid_box_bytes(std::span<const std::byte> bytes,
                                            std::string_view type) noexcept;

/// A box begins; returns what `BoxWriter::end()` wants to know.
[[nodiscard]] std::size_t begin_uuid_box(fmp4::BoxWriter& out, std::string_view type) noexcept;

}  // namespace disk

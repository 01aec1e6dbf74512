#pragma once

#include <cstddef>
#include <span>

#include "relay/base/time.hpp"

namespace client::camera {

/// Draws `12:34:56.789` (UTC) in white on black across the middle of a picture, for people who want
/// to see how late it is. Leaves the rows of the frame number alone.
///
/// `luma`: a plane of bytes whose rows begin `stride` apart. A picture that has no room for it
/// stays as it is.
void draw_clock(std::span<std::byte> luma, std::size_t stride, std::size_t width,
                std::size_t height, base::Utc utc) noexcept;

}  // namespace client::camera

#pragma once

#include <cstdint>

namespace codec {

/// Pixels as shown, after cropping.
struct VideoSize {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  bool operator==(const VideoSize&) const = default;
};

/// The largest picture side we believe; both standards end below it.
inline constexpr std::uint32_t picture_side_max = 16'888;

}  // namespace codec

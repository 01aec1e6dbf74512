#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace client {

/// A rectangle of the window, in pixels.
struct Area {
  int left = 0;
  int top = 0;
  int width = 0;
  int height = 0;

  bool operator==(const Area&) const = default;
  bool contains(int x, int y) const noexcept {
    return x >= left && x < left + width && y >= top && y < top + height;
  }
};

/// Tiles for so many streams, row by row: as few columns as rows, or one more.
std::vector<Area> grid(std::size_t streams, int width, int height);

/// The largest area of this shape in the middle of another.
Area fit(const Area& area, int width, int height);

}  // namespace client

#include "client/player/grid.hpp"

#include <algorithm>
#include <cstdint>

namespace client {

std::vector<Area> grid(std::size_t streams, int width, int height) {
  int columns = 1;
  while (static_cast<std::size_t>(columns * columns) < streams) ++columns;
  const int rows = std::max(1, (static_cast<int>(streams) + columns - 1) / columns);
  std::vector<Area> areas;
  for (int at = 0; at < static_cast<int>(streams); ++at) {
    const int column = at % columns;
    const int row = at / columns;
    // What does not divide is spread, so that nothing stays empty between two tiles.
    const int left = width * column / columns;
    const int top = height * row / rows;
    areas.push_back(
        {left, top, width * (column + 1) / columns - left, height * (row + 1) / rows - top});
  }
  return areas;
}

Area fit(const Area& area, int width, int height) {
  if (width <= 0 || height <= 0) return area;
  Area inner = area;
  const std::int64_t by_height = std::int64_t{area.height} * width / height;
  if (by_height <= area.width) {
    inner.width = static_cast<int>(by_height);
  } else {
    inner.height = static_cast<int>(std::int64_t{area.width} * height / width);
  }
  inner.left += (area.width - inner.width) / 2;
  inner.top += (area.height - inner.height) / 2;
  return inner;
}

}  // namespace client

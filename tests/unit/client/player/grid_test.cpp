#include "client/player/grid.hpp"

#include <doctest/doctest.h>

namespace client {

TEST_CASE("tiles fill the window and do not overlap") {
  for (std::size_t count = 1; count <= 16; ++count) {
    const auto areas = grid(count, 1283, 719);
    REQUIRE(areas.size() == count);
    CHECK(areas.front().left == 0);
    CHECK(areas.front().top == 0);
    for (const Area& one : areas) {
      CHECK(one.width > 0);
      CHECK(one.height > 0);
      CHECK(one.left + one.width <= 1283);
      CHECK(one.top + one.height <= 719);
      for (const Area& other : areas) {
        if (one == other) continue;
        CHECK(!other.contains(one.left, one.top));
      }
    }
  }
  CHECK(grid(1, 640, 360).front() == Area{0, 0, 640, 360});
  CHECK(grid(2, 640, 360).back() == Area{320, 0, 320, 360});
  CHECK(grid(16, 640, 360).back() == Area{480, 270, 160, 90});
}

TEST_CASE("a picture keeps its shape and stands in the middle") {
  CHECK(fit({0, 0, 640, 360}, 1280, 720) == Area{0, 0, 640, 360});
  CHECK(fit({0, 0, 640, 480}, 1280, 720) == Area{0, 60, 640, 360});
  CHECK(fit({100, 0, 640, 360}, 480, 360) == Area{180, 0, 480, 360});
  CHECK(fit({0, 0, 640, 360}, 0, 0) == Area{0, 0, 640, 360});
}

}  // namespace client

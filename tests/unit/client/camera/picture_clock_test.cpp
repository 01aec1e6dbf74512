#include "client/camera/picture_clock.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace client::camera {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// The clock of a picture so small that each of its pixels is one of the glyphs'.
std::vector<std::string> lines_of(base::Utc utc) {
  constexpr std::size_t width = 146;  // twice 73 columns
  constexpr std::size_t height = 64;
  std::vector<std::byte> luma(width * height, std::byte{128});
  draw_clock(luma, width, width, height, utc);
  std::vector<std::string> lines;
  for (std::size_t row = 28; row < 35; ++row) {
    std::string& line = lines.emplace_back();
    for (std::size_t x = 37; x < 37 + 71; ++x) {
      line += luma[row * width + x] == std::byte{235} ? '#' : '.';
    }
  }
  return lines;
}

}  // namespace

TEST_CASE("the clock can be read") {
  const auto lines =
      lines_of(base::Utc(hours(24 * 20'000 + 12) + minutes(34) + seconds(51) + milliseconds(721)));
  const auto glyph = [&lines](std::size_t character) {
    std::vector<std::string> rows;
    for (const std::string& line : lines) rows.push_back(line.substr(character * 6, 5));
    return rows;
  };
  using Rows = std::vector<std::string>;
  const Rows one{"..#..", ".##..", "..#..", "..#..", "..#..", "..#..", ".###."};
  const Rows two{".###.", "#...#", "....#", "..##.", ".#...", "#....", "#####"};
  const Rows colon{".....", "..#..", "..#..", ".....", "..#..", "..#..", "....."};
  CHECK(glyph(0) == one);
  CHECK(glyph(1) == two);
  CHECK(glyph(2) == colon);
  CHECK(glyph(5) == colon);
  CHECK(glyph(7) == one);
  CHECK(glyph(10) == two);
  CHECK(glyph(11) == one);
}

TEST_CASE("all times but the same one look different") {
  const base::Utc noon(hours(12));
  CHECK(lines_of(noon) == lines_of(noon + hours(24)));
  CHECK(lines_of(noon) != lines_of(noon + milliseconds(1)));
  CHECK(lines_of(noon) != lines_of(noon + hours(10)));
}

TEST_CASE("the clock stays off the frame number and out of pictures that are too small") {
  for (const std::size_t height : {16U, 40U, 41U, 90U, 720U}) {
    const std::size_t width = height * 16 / 9 / 2 * 2 + 40;
    std::vector<std::byte> luma(width * height, std::byte{128});
    draw_clock(luma, width, width, height, base::Utc{});
    for (std::size_t index = 0; index < width * 16; ++index) {
      REQUIRE(luma[index] == std::byte{128});
    }
  }
  std::vector<std::byte> small(30 * 30, std::byte{128});
  draw_clock(small, 30, 30, 30, base::Utc{});
  CHECK(std::ranges::count(small, std::byte{128}) == 900);
  draw_clock({}, 1280, 1280, 720, base::Utc{});
}

}  // namespace client::camera

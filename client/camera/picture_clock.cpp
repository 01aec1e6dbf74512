#include "client/camera/picture_clock.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace client::camera {
namespace {

constexpr std::size_t glyph_width = 5;
constexpr std::size_t glyph_height = 7;
constexpr std::size_t advance = glyph_width + 1;
constexpr std::size_t characters = 12;
constexpr std::size_t columns = characters * advance + 1;  // with a margin of one on each side
constexpr std::size_t lines = glyph_height + 2;
constexpr auto white = std::byte{235};
constexpr auto black = std::byte{16};
constexpr std::size_t colon = 10;
constexpr std::size_t point = 11;

// The digits, the colon and the point; a row is five bits, the leftmost the most significant.
using Glyph = std::array<std::uint8_t, glyph_height>;
constexpr std::array<Glyph, 12> glyphs{{
    {0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110},
    {0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110},
    {0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111},
    {0b01110, 0b10001, 0b00001, 0b00110, 0b00001, 0b10001, 0b01110},
    {0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010},
    {0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110},
    {0b01110, 0b10000, 0b11110, 0b10001, 0b10001, 0b10001, 0b01110},
    {0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000},
    {0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110},
    {0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00001, 0b01110},
    {0b00000, 0b00100, 0b00100, 0b00000, 0b00100, 0b00100, 0b00000},
    {0b00000, 0b00000, 0b00000, 0b00000, 0b00000, 0b00100, 0b00100},
}};

// Which glyphs say the time.
std::array<std::size_t, characters> glyphs_of(base::Utc utc) noexcept {
  constexpr std::int64_t day_ms = 24 * 3600 * 1000;
  const auto milliseconds =
      std::chrono::floor<std::chrono::milliseconds>(utc.time_since_epoch()).count();
  auto left = static_cast<std::size_t>((milliseconds % day_ms + day_ms) % day_ms);
  std::array<std::size_t, characters> out{};
  // From the end: what each place counts to, 0 for a separator.
  constexpr std::array<std::size_t, characters> bases{10, 10, 10, 0, 10, 6, 0, 10, 6, 0, 10, 10};
  for (std::size_t index = 0; index < characters; ++index) {
    std::size_t& glyph = out[characters - 1 - index];
    if (bases[index] == 0) {
      glyph = index == 3 ? point : colon;
      continue;
    }
    glyph = left % bases[index];
    left /= bases[index];
  }
  return out;
}

bool is_set(const std::array<std::size_t, characters>& text, std::size_t column,
            std::size_t line) noexcept {
  if (column == 0 || line == 0 || line > glyph_height) return false;
  const std::size_t character = (column - 1) / advance;
  const std::size_t bit = (column - 1) % advance;
  if (character >= characters || bit >= glyph_width) return false;
  return (glyphs[text[character]][line - 1] >> (glyph_width - 1 - bit) & 1) != 0;
}

}  // namespace

void draw_clock(std::span<std::byte> luma, std::size_t stride, std::size_t width,
                std::size_t height, base::Utc utc) noexcept {
  constexpr std::size_t number_rows = 16;
  // Half of the width, as far as that leaves the frame number's rows alone.
  const std::size_t scale = std::max<std::size_t>(width / 2 / columns, 1);
  const std::size_t clock_width = columns * scale;
  const std::size_t clock_height = lines * scale;
  if (stride < width || width < clock_width || height < clock_height + 2 * number_rows) return;
  if (luma.size() < stride * (height - 1) + width) return;
  const std::size_t left = (width - clock_width) / 2;
  const std::size_t top = (height - clock_height) / 2;
  const auto text = glyphs_of(utc);
  for (std::size_t line = 0; line < lines; ++line) {
    for (std::size_t column = 0; column < columns; ++column) {
      const std::byte value = is_set(text, column, line) ? white : black;
      for (std::size_t row = 0; row < scale; ++row) {
        const std::size_t at = (top + line * scale + row) * stride + left + column * scale;
        std::ranges::fill(luma.subspan(at, scale), value);
      }
    }
  }
}

}  // namespace client::camera

#include "client/media/frame_number.hpp"

#include <algorithm>

namespace client::frame_number {
namespace {

constexpr std::uint64_t marker = 0xA5;
constexpr auto white = std::byte{235};
constexpr auto black = std::byte{16};
constexpr unsigned threshold = (235 + 16) / 2;

bool has_room(std::size_t bytes, std::size_t stride, std::size_t width) noexcept {
  return width >= cells && stride >= width && bytes >= width &&
         (bytes - width) / stride >= rows - 1;
}

std::uint64_t check_of(std::uint32_t number) noexcept {
  return (((number >> 16) + (number >> 8) + number) & 0xFF) ^ 0x5A;
}

// The mean of the middle of a cell, where an encoder's ringing at the edges does not reach.
bool is_white(std::span<const std::byte> luma, std::size_t stride, std::size_t left,
              std::size_t cell_width) noexcept {
  const std::size_t margin = cell_width / 4;
  unsigned sum = 0;
  unsigned count = 0;
  for (std::size_t row = rows / 4; row < rows - rows / 4; ++row) {
    for (std::size_t x = left + margin; x < left + cell_width - margin; ++x) {
      sum += std::to_integer<unsigned>(luma[row * stride + x]);
      ++count;
    }
  }
  return sum > threshold * count;
}

}  // namespace

void write(std::span<std::byte> luma, std::size_t stride, std::size_t width,
           std::uint32_t number) noexcept {
  if (!has_room(luma.size(), stride, width)) return;
  number &= number_max;
  const std::uint64_t bits = marker << 32 | std::uint64_t{number} << 8 | check_of(number);
  const std::size_t cell_width = width / cells;
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t cell = 0; cell < cells; ++cell) {
      const bool is_set = (bits >> (cells - 1 - cell) & 1) != 0;
      std::ranges::fill(luma.subspan(row * stride + cell * cell_width, cell_width),
                        is_set ? white : black);
    }
  }
}

std::optional<std::uint32_t> read(std::span<const std::byte> luma, std::size_t stride,
                                  std::size_t width) noexcept {
  if (!has_room(luma.size(), stride, width)) return std::nullopt;
  const std::size_t cell_width = width / cells;
  std::uint64_t bits = 0;
  for (std::size_t cell = 0; cell < cells; ++cell) {
    const bool is_set = is_white(luma, stride, cell * cell_width, cell_width);
    bits = bits << 1 | (is_set ? 1U : 0U);
  }
  const auto number = static_cast<std::uint32_t>(bits >> 8) & number_max;
  if (bits >> 32 != marker || (bits & 0xFF) != check_of(number)) return std::nullopt;
  return number;
}

}  // namespace client::frame_number

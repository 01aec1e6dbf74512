#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

/// A number in the picture that a machine reads after any encoder: the camera's test source writes
/// it, the player's statistics compare what it decoded.
///
/// One row of 40 cells at the top left, each width/40 pixels wide and 16 high, white (luma 235) for
/// 1 and black (16) for 0, the most significant bit first:
///
///     | marker 0xA5 | number, 24 bits | check |
///
/// The check is the sum of the number's three bytes, xored with 0x5A.
namespace client::frame_number {

inline constexpr std::size_t cells = 40;
inline constexpr std::size_t rows = 16;
/// Numbers begin again at 0 behind it: after 6 days at 30 frames a second.
inline constexpr std::uint32_t number_max = 0xFF'FFFF;

/// `luma`: a plane of bytes whose rows begin `stride` apart and have `width` pixels. Takes the low
/// 24 bits of `number`. A picture without room for the cells stays as it is.
void write(std::span<std::byte> luma, std::size_t stride, std::size_t width,
           std::uint32_t number) noexcept;

/// Nothing if there is none, or if it is too damaged to be believed.
std::optional<std::uint32_t> read(std::span<const std::byte> luma, std::size_t stride,
                                  std::size_t width) noexcept;

}  // namespace client::frame_number

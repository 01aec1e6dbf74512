#include "client/media/frame_number.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace client::frame_number {
namespace {

struct Picture {
  std::size_t width;
  std::size_t height;
  std::size_t stride;
  std::vector<std::byte> luma;

  explicit Picture(std::size_t w, std::size_t h = 64, std::size_t padding = 0)
      : width(w), height(h), stride(w + padding), luma(stride * h, std::byte{128}) {}
  void write(std::uint32_t number) { frame_number::write(luma, stride, width, number); }
  std::optional<std::uint32_t> read() const { return frame_number::read(luma, stride, width); }
};

}  // namespace

TEST_CASE("a number that was written is read again in pictures of any width") {
  for (const std::size_t width : {40U, 81U, 160U, 320U, 639U, 640U, 1280U, 1920U, 3840U}) {
    for (const std::uint32_t number : {0U, 1U, 255U, 256U, 65'536U, 12'345'678U, number_max}) {
      Picture picture(width, 16, width % 3 * 16);
      picture.write(number);
      CAPTURE(width);
      CHECK(picture.read() == number);
    }
  }
}

TEST_CASE("numbers begin again behind the last of 24 bits") {
  Picture picture(640);
  picture.write(number_max + 8);
  CHECK(picture.read() == 7U);
}

TEST_CASE("the bits are cells of a fortieth of the width and 16 rows") {
  Picture picture(400);
  picture.write(1);
  const auto at = [&picture](std::size_t cell, std::size_t row) {
    return std::to_integer<int>(picture.luma[row * picture.stride + cell * 10 + 5]);
  };
  const int expected[] = {1, 0, 1, 0, 0, 1, 0, 1};  // 0xA5
  for (std::size_t cell = 0; cell < 8; ++cell) CHECK(at(cell, 0) == (expected[cell] ? 235 : 16));
  CHECK(at(31, 15) == 235);  // the number's last bit
  CHECK(at(30, 15) == 16);
  // 1 ^ 0x5A = 0b01011011
  CHECK(at(32, 7) == 16);
  CHECK(at(33, 7) == 235);
  CHECK(at(39, 7) == 235);
  CHECK(picture.luma[16 * picture.stride] == std::byte{128});
}

TEST_CASE("a blurred and noisy picture still says its number") {
  Picture picture(640);
  picture.write(0xABCDEF);
  unsigned noise = 1;
  for (std::byte& pixel : picture.luma) {
    noise = noise * 1'103'515'245 + 12'345;
    const int value =
        std::to_integer<int>(pixel) / 2 + 64 + static_cast<int>(noise >> 16 & 31) - 16;
    pixel = static_cast<std::byte>(value);
  }
  CHECK(picture.read() == 0xABCDEFU);
}

TEST_CASE("a picture without a number says none") {
  CHECK_FALSE(Picture(640).read());
  Picture black(640);
  std::fill(black.luma.begin(), black.luma.end(), std::byte{16});
  CHECK_FALSE(black.read());
  Picture white(640);
  std::fill(white.luma.begin(), white.luma.end(), std::byte{235});
  CHECK_FALSE(white.read());
}

TEST_CASE("a number with a damaged cell is not believed") {
  for (std::size_t cell = 0; cell < cells; ++cell) {
    Picture picture(640);
    picture.write(4'711);
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t x = cell * 16; x < (cell + 1) * 16; ++x) {
        std::byte& pixel = picture.luma[row * picture.stride + x];
        pixel = pixel == std::byte{16} ? std::byte{235} : std::byte{16};
      }
    }
    CAPTURE(cell);
    CHECK_FALSE(picture.read());
  }
}

TEST_CASE("a picture too small for the cells is left alone") {
  Picture narrow(39);
  narrow.write(1);
  CHECK(narrow.luma == Picture(39).luma);
  CHECK_FALSE(narrow.read());
  Picture low(640, 15);
  low.write(1);
  CHECK(low.luma == Picture(640, 15).luma);
  CHECK_FALSE(low.read());
  std::vector<std::byte> none;
  write(none, 0, 0, 1);
  CHECK_FALSE(read(none, 0, 0));
  write(none, 0, 640, 1);
  CHECK_FALSE(read(none, 640, 640));
}

}  // namespace client::frame_number

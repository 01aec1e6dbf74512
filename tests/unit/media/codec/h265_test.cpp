#include "relay/media/codec/h265.hpp"

#include <doctest/doctest.h>

#include "tests/unit/media/codec/bit_writer.hpp"

using codec::VideoSize;
using codec::h265::parse_sps;

namespace {

std::vector<std::byte> make(unsigned layers_minus1, unsigned chroma, unsigned width,
                            unsigned height, unsigned crop_right, unsigned crop_bottom) {
  test::BitWriter out;
  out.bits(0, 4).bits(layers_minus1, 3).bits(1, 1);
  for (int byte = 0; byte < 12; ++byte) out.bits(0x5A, 8);
  if (layers_minus1 > 0) {
    for (unsigned layer = 0; layer < 8; ++layer) out.bits(layer < layers_minus1 ? 3 : 0, 2);
    for (unsigned byte = 0; byte < layers_minus1 * 12; ++byte) out.bits(0xFF, 8);
  }
  out.ue(0).ue(chroma);
  if (chroma == 3) out.bits(0, 1);
  out.ue(width).ue(height).bits(1, 1).ue(0).ue(crop_right).ue(0).ue(crop_bottom);
  return out.end();
}

}  // namespace

TEST_CASE("an H.265 sequence parameter set tells the cropped picture size") {
  CHECK(parse_sps(make(0, 1, 1920, 1088, 0, 4)) == VideoSize{1920, 1080});
  CHECK(parse_sps(make(2, 2, 328, 184, 3, 4)) == VideoSize{322, 180});
  CHECK(parse_sps(make(6, 3, 328, 184, 3, 4)) == VideoSize{325, 180});
}

TEST_CASE("H.265 parameter sets that make no sense are refused") {
  CHECK(!parse_sps({}));
  CHECK(!parse_sps(make(0, 1, 0, 1088, 0, 0)));
  CHECK(!parse_sps(make(0, 1, 0x7FFF'FFFF, 1088, 0, 0)));
  CHECK(!parse_sps(make(0, 1, 320, 180, 160, 0)));
  CHECK(!parse_sps(make(0, 4, 320, 180, 0, 0)));
  const auto good = make(2, 1, 320, 180, 0, 0);
  for (std::size_t size = 0; size + 2 < good.size(); ++size) {
    CHECK(!parse_sps(std::span(good).first(size)));
  }
}

TEST_CASE("all random access pictures are sync frames and leading pictures are not") {
  using namespace codec::h265;
  CHECK(!is_irap(nal_type(std::byte{9 << 1})));
  for (unsigned type = 16; type <= 21; ++type) CHECK(is_irap(nal_type(std::byte(type << 1))));
  CHECK(!is_irap(nal_type(std::byte{22 << 1})));
  CHECK(is_vcl(nal_type(std::byte{31 << 1})));
  CHECK(!is_vcl(nal_type(std::byte{32 << 1})));
}

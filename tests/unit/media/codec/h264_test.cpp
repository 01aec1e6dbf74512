#include "relay/media/codec/h264.hpp"

#include <doctest/doctest.h>

#include "tests/unit/media/codec/bit_writer.hpp"

using codec::VideoSize;
using codec::h264::parse_sps;
using test::BitWriter;

namespace {

struct Sps {
  unsigned profile = 77;
  unsigned chroma = 1;
  bool has_scaling = false;
  unsigned width_mbs = 20;
  unsigned height_units = 12;
  bool is_frame_mbs_only = true;
  unsigned crop_right = 0;
  unsigned crop_bottom = 0;
  unsigned order_type = 0;
};

std::vector<std::byte> make(const Sps& sps) {
  BitWriter out;
  out.bits(sps.profile, 8).bits(0, 8).bits(31, 8).ue(0);
  if (sps.profile >= 100) {
    out.ue(sps.chroma);
    if (sps.chroma == 3) out.bits(0, 1);
    out.ue(0).ue(0).bits(0, 1).bits(sps.has_scaling, 1);
    for (int list = 0; sps.has_scaling && list < (sps.chroma == 3 ? 12 : 8); ++list) {
      out.bits(list % 2 == 0, 1);
      for (int index = 0; list % 2 == 0 && index < (list < 6 ? 16 : 64); ++index) out.se(1);
    }
  }
  out.ue(0).ue(sps.order_type);
  if (sps.order_type == 0) out.ue(2);
  if (sps.order_type == 1) out.bits(0, 1).se(0).se(0).ue(2).se(-1).se(2);
  out.ue(4).bits(0, 1).ue(sps.width_mbs - 1).ue(sps.height_units - 1);
  out.bits(sps.is_frame_mbs_only, 1);
  if (!sps.is_frame_mbs_only) out.bits(0, 1);
  out.bits(1, 1).bits(1, 1).ue(0).ue(sps.crop_right).ue(0).ue(sps.crop_bottom);
  return out.bits(0, 1).end();
}

bool has_recovery_point(const std::vector<std::byte>& sei) {
  codec::h264::SeiWalk walk;
  for (const std::byte byte : sei) walk.on_byte(byte);
  return walk.has_recovery_point();
}

}  // namespace

TEST_CASE("a sequence parameter set tells the cropped picture size") {
  CHECK(parse_sps(make({})) == VideoSize{320, 192});
  CHECK(parse_sps(make({.crop_right = 3, .crop_bottom = 6})) == VideoSize{314, 180});
  CHECK(parse_sps(make({.profile = 100, .width_mbs = 120, .height_units = 68, .crop_bottom = 4})) ==
        VideoSize{1920, 1080});
  CHECK(parse_sps(make({.profile = 100, .has_scaling = true, .crop_bottom = 6, .order_type = 1})) ==
        VideoSize{320, 180});
  CHECK(parse_sps(make({.profile = 244, .chroma = 3, .has_scaling = true, .crop_right = 5})) ==
        VideoSize{315, 192});
  CHECK(parse_sps(make({.profile = 122, .chroma = 2, .crop_right = 5, .crop_bottom = 2})) ==
        VideoSize{310, 190});
}

TEST_CASE("an interlaced picture is twice as high as its map units say") {
  const Sps sps{.width_mbs = 120, .height_units = 34, .is_frame_mbs_only = false, .crop_bottom = 2};
  CHECK(parse_sps(make(sps)) == VideoSize{1920, 1080});
}

TEST_CASE("parameter sets that make no sense are refused") {
  CHECK(!parse_sps({}));
  CHECK(!parse_sps(make({.width_mbs = 5000})));
  CHECK(!parse_sps(make({.width_mbs = 0x7FFF'FFFF})));
  CHECK(!parse_sps(make({.crop_right = 160})));
  CHECK(!parse_sps(make({.crop_bottom = 0x7FFF'FFFF})));
  CHECK(!parse_sps(make({.profile = 100, .chroma = 4})));
  const auto good = make({.profile = 100, .has_scaling = true});
  for (std::size_t size = 0; size + 3 < good.size(); ++size) {
    CHECK(!parse_sps(std::span(good).first(size)));
  }
  CHECK(!parse_sps(std::vector<std::byte>(64, std::byte{0})));
}

TEST_CASE("a recovery point counts only when decoding is right at once") {
  CHECK(has_recovery_point(test::bytes({6, 1, 0xC4, 0x80})));
  CHECK(!has_recovery_point(test::bytes({6, 1, 0x44, 0x80})));
  // Behind a user data message of 260 bytes and one without payload.
  auto sei = test::bytes({5, 0xFF, 5});
  sei.insert(sei.end(), 260, std::byte{6});
  const auto rest = test::bytes({4, 0, 6, 1, 0xC4, 0x80});
  sei.insert(sei.end(), rest.begin(), rest.end());
  CHECK(has_recovery_point(sei));
  CHECK(!has_recovery_point(test::bytes({0xFF, 6, 1, 0xC4, 0x80})));
}

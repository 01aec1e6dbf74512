#include "client/camera/nal_frames.hpp"

#include <doctest/doctest.h>

#include "tests/unit/client/camera/coded_frames.hpp"

namespace client::camera {

using test::annex_b;
using test::Bytes;
using test::with_lengths;

namespace {

const Bytes sps = test::h264_sps(20);
const Bytes pps = test::h264_pps();
const Bytes idr = test::h264_idr();
const Bytes slice = test::h264_slice();
const Bytes delimiter = test::h264_delimiter();

}  // namespace

TEST_CASE("start codes become lengths and nothing else changes") {
  NalFrames frames(media::Codec::h264);
  Bytes out;
  auto frame = frames.convert(annex_b({sps, pps, idr, idr}), out);
  REQUIRE(frame);
  CHECK(frame->sync);
  CHECK(frame->has_new_sets);
  CHECK(out == with_lengths({sps, pps, idr, idr}));
  out.clear();
  frame = frames.convert(annex_b({slice, slice}), out);
  REQUIRE(frame);
  CHECK_FALSE(frame->sync);
  CHECK_FALSE(frame->has_new_sets);
  CHECK(out == with_lengths({slice, slice}));
}

TEST_CASE("parameter sets stand before every sync frame behind the delimiter") {
  NalFrames frames(media::Codec::h264);
  Bytes out;
  frames.convert(annex_b({sps, pps, idr}), out);
  out.clear();
  REQUIRE(frames.convert(annex_b({delimiter, idr}), out));
  CHECK(out == with_lengths({delimiter, sps, pps, idr}));
  out.clear();
  REQUIRE(frames.convert(annex_b({idr}), out));
  CHECK(out == with_lengths({sps, pps, idr}));
  out.clear();
  REQUIRE(frames.convert(annex_b({delimiter, sps, pps, idr}), out));
  CHECK(out == with_lengths({delimiter, sps, pps, idr}));
}

TEST_CASE("other parameter sets are noticed and repeated from then on") {
  NalFrames frames(media::Codec::h264);
  Bytes out;
  frames.convert(annex_b({sps, pps, idr}), out);
  const Bytes wider = test::h264_sps(40);
  auto frame = frames.convert(annex_b({wider, pps, idr}), out);
  REQUIRE(frame);
  CHECK(frame->has_new_sets);
  REQUIRE(frames.sets().size());
  CHECK(frames.sets().size()->width == 640);
  out.clear();
  frame = frames.convert(annex_b({idr}), out);
  REQUIRE(frame);
  CHECK_FALSE(frame->has_new_sets);
  CHECK(out == with_lengths({wider, pps, idr}));
}

TEST_CASE("parameter sets that come alone are remembered") {
  NalFrames frames(media::Codec::h264);
  Bytes out;
  CHECK_FALSE(frames.convert(annex_b({sps, pps}), out));
  CHECK(out.empty());
  REQUIRE(frames.convert(annex_b({idr}), out));
  CHECK(out == with_lengths({sps, pps, idr}));
}

TEST_CASE("zeros between NAL units belong to none") {
  NalFrames frames(media::Codec::h264);
  Bytes in = annex_b({sps, pps});
  in.insert(in.end(), 7, std::byte{0});
  const Bytes picture = annex_b({idr});
  in.insert(in.end(), picture.begin(), picture.end());
  in.insert(in.end(), 5, std::byte{0});
  Bytes out;
  REQUIRE(frames.convert(in, out));
  CHECK(out == with_lengths({sps, pps, idr}));
}

TEST_CASE("what has no start code is no frame") {
  NalFrames frames(media::Codec::h264);
  Bytes out;
  CHECK_FALSE(frames.convert({}, out));
  CHECK_FALSE(frames.convert(idr, out));
  CHECK_FALSE(frames.convert(test::bytes({0, 0, 1}), out));
  CHECK_FALSE(frames.convert(test::bytes({0, 0, 0, 0, 1, 0, 0, 1}), out));
  CHECK(out.empty());
}

TEST_CASE("pictures of H.265 are told by their own types") {
  NalFrames frames(media::Codec::h265);
  const Bytes irap = test::bytes({0x26, 0x01, 0xAF, 0x09});   // IDR_W_RADL
  const Bytes trail = test::bytes({0x02, 0x01, 0xD0, 0x09});  // TRAIL_R
  const Bytes aud = test::bytes({0x46, 0x01, 0x50});
  Bytes out;
  auto frame = frames.convert(annex_b({aud, irap}), out);
  REQUIRE(frame);
  CHECK(frame->sync);
  frame = frames.convert(annex_b({trail}), out);
  REQUIRE(frame);
  CHECK_FALSE(frame->sync);
  CHECK(out == with_lengths({aud, irap, trail}));
}

}  // namespace client::camera

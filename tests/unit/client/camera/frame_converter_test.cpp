#include "client/camera/frame_converter.hpp"

#include <doctest/doctest.h>

#include "relay/media/codec/opus.hpp"
#include "tests/unit/client/camera/coded_frames.hpp"

namespace client::camera {

using media::Codec;
using test::annex_b;
using test::bytes;
using test::Bytes;

namespace {

media::Track track(Codec codec, std::uint32_t rate = 0, Bytes config = {}) {
  media::Track made;
  made.codec = codec;
  made.kind = rate != 0 ? media::Kind::audio : media::Kind::video;
  made.sample_rate = rate;
  if (rate != 0) made.timescale = rate;
  made.config = std::move(config);
  return made;
}

// AAC-LC, 44.1 kHz, stereo: a header and three bytes.
const Bytes adts = bytes({0xFF, 0xF1, 0x50, 0x80, 0x01, 0x5F, 0xFC, 0x21, 0x10, 0x05});

}  // namespace

TEST_CASE("H.264 is known with its first parameter sets and again with others") {
  FrameConverter converter(track(Codec::h264));
  Bytes out;
  CHECK_FALSE(converter.convert(annex_b({test::h264_slice()}), true, out));
  CHECK_FALSE(converter.is_known());
  auto frame = converter.convert(annex_b({test::h264_sps(20), test::h264_pps(), test::h264_idr()}),
                                 true, out);
  REQUIRE(frame);
  CHECK(frame->is_new_track);
  CHECK(frame->sync);  // whatever the caller thinks
  CHECK(converter.is_known());
  CHECK(converter.track().width == 320);
  CHECK(converter.track().height == 160);
  frame = converter.convert(annex_b({test::h264_slice()}), false, out);
  REQUIRE(frame);
  CHECK_FALSE(frame->sync);
  CHECK_FALSE(frame->is_new_track);
  frame = converter.convert(annex_b({test::h264_sps(30), test::h264_pps(), test::h264_idr()}),
                            false, out);
  REQUIRE(frame);
  CHECK(frame->is_new_track);
  CHECK(converter.track().width == 480);
}

TEST_CASE("AAC is raw with or without ADTS around it") {
  FrameConverter raw(track(Codec::aac, 48'000, bytes({0x11, 0x90})));
  Bytes out;
  auto frame = raw.convert(bytes({0x21, 0x10, 0x05}), false, out);
  REQUIRE(frame);
  CHECK(frame->sync);
  CHECK(frame->duration == 1024);
  CHECK(out == bytes({0x21, 0x10, 0x05}));
  FrameConverter framed(track(Codec::aac));
  CHECK_FALSE(framed.is_known());
  CHECK_FALSE(framed.convert(bytes({0x21, 0x10, 0x05}), false, out));
  out.clear();
  frame = framed.convert(adts, false, out);
  REQUIRE(frame);
  CHECK(frame->is_new_track);
  CHECK(framed.track().config == bytes({0x12, 0x10}));
  CHECK(framed.track().timescale == 44'100);
  CHECK(out == bytes({0x21, 0x10, 0x05}));
}

TEST_CASE("Opus and MP3 frames say how long they are") {
  FrameConverter opus(track(Codec::opus, 48'000, codec::opus::make_config({})));
  Bytes out;
  auto frame = opus.convert(bytes({0xFC, 0x01}), false, out);  // one frame of 20 ms
  REQUIRE(frame);
  CHECK(frame->duration == 960);
  FrameConverter mp3(track(Codec::mp3, 44'100));
  Bytes coded = bytes({0xFF, 0xFB, 0x90, 0x00});
  coded.resize(417);
  frame = mp3.convert(coded, false, out);
  REQUIRE(frame);
  CHECK(frame->duration == 1152);
  CHECK_FALSE(mp3.convert(bytes({1, 2, 3, 4}), false, out));
}

TEST_CASE("temporal delimiters of AV1 are taken out") {
  Bytes out;
  const Bytes frame = bytes({0x32, 0x02, 0xAA, 0xBB});
  Bytes unit = bytes({0x12, 0x00});
  unit.insert(unit.end(), frame.begin(), frame.end());
  CHECK(append_without_delimiters(unit, out));
  CHECK(out == frame);
  CHECK_FALSE(append_without_delimiters(bytes({0x12, 0x00}), out));
  CHECK_FALSE(append_without_delimiters(bytes({0x32, 0x03, 0xAA, 0xBB}), out));
  CHECK_FALSE(append_without_delimiters(bytes({0xB2, 0x01, 0xAA}), out));
  CHECK_FALSE(append_without_delimiters(bytes({0x32}), out));
  CHECK(out == frame);
  // Without a size it goes to the end.
  CHECK(append_without_delimiters(bytes({0x30, 0x01, 0x02}), out));
}

TEST_CASE("what is empty or of an unknown codec is no frame") {
  Bytes out;
  for (const Codec codec : {Codec::h264, Codec::h265, Codec::av1, Codec::vp9, Codec::aac,
                            Codec::opus, Codec::mp3, Codec::unknown}) {
    FrameConverter converter(track(codec));
    CHECK_FALSE(converter.convert({}, false, out));
    CHECK_FALSE(converter.is_known());
  }
  FrameConverter unknown(track(Codec::unknown));
  CHECK_FALSE(unknown.convert(bytes({1, 2, 3}), false, out));
  CHECK(out.empty());
}

}  // namespace client::camera

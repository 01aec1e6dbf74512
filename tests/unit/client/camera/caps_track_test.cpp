#include "client/camera/caps_track.hpp"

#include <doctest/doctest.h>

#include "relay/media/codec/opus.hpp"
#include "tests/unit/client/camera/gstreamer.hpp"
#include "tests/unit/media/codec/bit_writer.hpp"

namespace client::camera {
namespace {

std::optional<media::Track> read(const char* text) {
  const test::Gstreamer gstreamer;
  const gst::Pointer<GstCaps> caps(gst_caps_from_string(text));
  REQUIRE(caps);
  return read_caps(caps.get());
}

}  // namespace

TEST_CASE("caps of video say codec and size") {
  const auto track = read("video/x-h264,stream-format=byte-stream,width=640,height=360");
  REQUIRE(track);
  CHECK(track->codec == media::Codec::h264);
  CHECK(track->kind == media::Kind::video);
  CHECK(track->timescale == 90'000);
  CHECK(track->width == 640);
  CHECK(track->config.empty());  // it stands in the stream
  CHECK(read("video/x-h265")->codec == media::Codec::h265);
  CHECK(read("video/x-av1")->codec == media::Codec::av1);
}

TEST_CASE("caps of AAC bring its configuration") {
  const auto track = read(
      "audio/mpeg,mpegversion=4,stream-format=raw,rate=44100,channels=2,codec_data=(buffer)1210");
  REQUIRE(track);
  CHECK(track->codec == media::Codec::aac);
  CHECK(track->kind == media::Kind::audio);
  CHECK(track->timescale == 44'100);
  CHECK(track->channels == 2);
  CHECK(track->config == test::bytes({0x12, 0x10}));
  CHECK(read("audio/mpeg,mpegversion=1,layer=3,rate=32000,channels=1")->codec == media::Codec::mp3);
  CHECK_FALSE(read("audio/mpeg,mpegversion=1,layer=2,rate=32000,channels=1"));
}

TEST_CASE("OpusHead becomes dOps in the other byte order") {
  const auto track = read(
      "audio/x-opus,rate=48000,channels=2,channel-mapping-family=0,"
      "streamheader=(buffer)< 4f707573486561640102380180bb0000000000 >");
  REQUIRE(track);
  CHECK(track->timescale == 48'000);
  const auto config = codec::opus::parse_config(track->config);
  REQUIRE(config);
  CHECK(config->channels == 2);
  CHECK(config->pre_skip == 312);
  CHECK(config->input_rate == 48'000);
  const auto bare = read("audio/x-opus,channels=1");
  REQUIRE(bare);
  CHECK(codec::opus::parse_config(bare->config)->channels == 1);
}

TEST_CASE("VP9 gets a configuration record from its caps") {
  const auto track = read(
      "video/x-vp9,profile=(string)2,bit-depth-luma=(uint)10,chroma-format=(string)4:2:0,"
      "width=320,height=240");
  REQUIRE(track);
  CHECK(track->config == test::bytes({1, 0, 0, 0, 2, 10, 0xA2, 2, 2, 2, 0, 0}));
}

TEST_CASE("other caps are no track") {
  CHECK_FALSE(read("audio/x-ac3,rate=48000,channels=6"));
  CHECK_FALSE(read("video/x-raw,format=I420"));
  CHECK_FALSE(read("ANY"));
  CHECK_FALSE(read("EMPTY"));
}

}  // namespace client::camera

#include "client/player/recipe.hpp"

#include <doctest/doctest.h>

namespace client {
namespace {

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> list;
  for (const int value : values) list.push_back(static_cast<std::byte>(value));
  return list;
}

media::Track track_of(media::Codec codec) {
  media::Track track;
  track.codec = codec;
  track.width = 1280;
  track.height = 720;
  track.sample_rate = 48'000;
  track.channels = 2;
  return track;
}

}  // namespace

TEST_CASE("the codecs of the wire have a recipe and others none") {
  using media::Codec;
  for (const Codec codec :
       {Codec::h264, Codec::h265, Codec::av1, Codec::vp9, Codec::opus, Codec::mp3}) {
    const auto recipe = recipe_for(track_of(codec));
    REQUIRE(recipe);
    CHECK(!recipe->decoders.empty());
    CHECK(recipe->has_start_codes == (codec == Codec::h264 || codec == Codec::h265));
  }
  CHECK(!recipe_for(track_of(Codec::unknown)));
}

TEST_CASE("AAC is described by its configuration and not decoded without one") {
  media::Track track = track_of(media::Codec::aac);
  CHECK(!recipe_for(track));
  track.config = bytes({0x11, 0x90});
  CHECK(recipe_for(track)->caps ==
        "audio/mpeg,mpegversion=4,stream-format=raw,framed=true,rate=48000,channels=2,"
        "codec_data=(buffer)1190");
}

TEST_CASE("Opus says how its channels are coded") {
  media::Track track = track_of(media::Codec::opus);
  CHECK(recipe_for(track)->caps == "audio/x-opus,rate=48000,channels=2,channel-mapping-family=0");
  track.config = bytes({0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 1, 0, 2, 1});
  CHECK(recipe_for(track)->caps ==
        "audio/x-opus,rate=48000,channels=3,channel-mapping-family=1,stream-count=2,"
        "coupled-count=1,channel-mapping=(int)<0,2,1>");
  track.config.pop_back();
  CHECK(!recipe_for(track));
}

TEST_CASE("another picture size is the same recipe") {
  media::Track track = track_of(media::Codec::h264);
  const auto before = recipe_for(track);
  track.width = 640;
  track.config = bytes({1, 2, 3});
  CHECK(recipe_for(track)->caps == before->caps);
}

}  // namespace client

#include "client/camera/container_writer.hpp"

#include <doctest/doctest.h>

namespace client::camera {
namespace {

media::Track opus_track() {
  media::Track track;
  track.codec = media::Codec::opus;
  track.kind = media::Kind::audio;
  track.timescale = track.sample_rate = 48'000;
  track.channels = 2;
  for (const int byte : {0, 2, 1, 56, 0, 0, 0xBB, 0x80, 0, 0, 0}) {
    track.config.push_back(static_cast<std::byte>(byte));
  }
  return track;
}

Chunk chunk(std::int64_t dts, std::size_t bytes = 8) {
  Chunk made;
  made.sync = true;
  Frame& frame = made.frames.emplace_back();
  frame.sync = true;
  frame.dts = frame.pts = dts;
  frame.duration = 960;
  frame.payload.assign(bytes, std::byte{0xFC});
  return made;
}

}  // namespace

TEST_CASE("MPEG-TS has its tables in every sync chunk and whole packets") {
  ContainerWriter writer(media::Container::mpegts);
  CHECK_FALSE(writer.set_tracks(std::vector{opus_track()}));
  CHECK(writer.header().empty());
  for (std::int64_t dts = 480'000; dts < 485'000; dts += 960) {
    const auto bytes = writer.write(chunk(dts));
    REQUIRE(bytes);
    CHECK(bytes->size() % 188 == 0);
    CHECK(bytes->substr(0, 3) == std::string("\x47\x40\x00", 3));  // the PAT
  }
}

TEST_CASE("fragmented MP4 has a header and a fragment for each chunk") {
  ContainerWriter writer(media::Container::fmp4);
  CHECK_FALSE(writer.set_tracks(std::vector{opus_track()}));
  CHECK(writer.header().substr(4, 4) == "ftyp");
  CHECK(writer.header().find("moov") != std::string::npos);
  const auto bytes = writer.write(chunk(480'000));
  REQUIRE(bytes);
  CHECK(bytes->substr(4, 4) == "moof");
  CHECK(bytes->ends_with(std::string(8, '\xFC')));
}

TEST_CASE("a track that the container cannot hold is left out") {
  media::Track vp9;
  vp9.codec = media::Codec::vp9;
  vp9.kind = media::Kind::video;
  ContainerWriter writer(media::Container::mpegts);
  CHECK(writer.set_tracks(std::vector{vp9}));
  CHECK_FALSE(writer.write(chunk(900'000)));
}

}  // namespace client::camera

#include "client/camera/assembler.hpp"

#include <doctest/doctest.h>

#include "tests/unit/client/camera/coded_frames.hpp"

namespace client::camera {

using std::chrono::milliseconds;
using test::annex_b;
using test::bytes;
using test::Bytes;

namespace {

const base::Time start{};
const Bytes key = annex_b({test::h264_sps(20), test::h264_pps(), test::h264_idr()});
const Bytes delta = annex_b({test::h264_slice()});
const Bytes sound = bytes({0x21, 0x10, 0x05});

struct Rig : Assembler::Events {
  Assembler assembler{*this};
  std::vector<std::vector<media::Track>> tracks;
  std::vector<Chunk> chunks;

  void on_tracks(std::span<const media::Track> now) override {
    tracks.emplace_back(now.begin(), now.end());
  }
  void on_chunk(Chunk chunk) override {
    REQUIRE_FALSE(tracks.empty());
    chunks.push_back(std::move(chunk));
  }

  unsigned video() {
    media::Track track;
    track.codec = media::Codec::h264;
    track.kind = media::Kind::video;
    return assembler.add_stream(track);
  }
  unsigned audio() {
    media::Track track;
    track.codec = media::Codec::aac;
    track.kind = media::Kind::audio;
    track.timescale = track.sample_rate = 48'000;
    track.config = bytes({0x11, 0x90});
    return assembler.add_stream(track);
  }
  void add(unsigned stream, const Bytes& payload, int ms, base::Time now = start) {
    Assembler::Input input;
    input.stream = stream;
    input.times.dts = input.times.pts = milliseconds(ms);
    input.utc = base::Utc(milliseconds(ms));
    input.bytes = payload;
    assembler.add(input, now);
  }
};

}  // namespace

TEST_CASE_FIXTURE(Rig, "chunks begin when it is known what every stream is") {
  const unsigned sounds = audio();
  const unsigned pictures = video();
  add(sounds, sound, 0);
  add(sounds, sound, 21);
  add(pictures, key, 0);
  CHECK(tracks.empty());  // there may be more streams
  assembler.on_all_streams(start);
  REQUIRE(tracks.size() == 1);
  REQUIRE(tracks[0].size() == 2);
  CHECK(tracks[0][0].width == 320);  // video is first
  REQUIRE(chunks.size() == 1);
  CHECK(chunks[0].sync);
  REQUIRE(chunks[0].frames.size() == 3);
  CHECK(chunks[0].frames[0].track == 0);
  CHECK(chunks[0].frames[0].dts == 900'000);
  CHECK(chunks[0].frames[2].track == 1);
  CHECK(chunks[0].frames[2].dts == 480'000 + 1008);
  CHECK(chunks[0].frames[2].duration == 1024);
  add(pictures, delta, 33);
  REQUIRE(chunks.size() == 2);
  CHECK_FALSE(chunks[1].sync);
  CHECK(assembler.video_frames() == 2);
}

TEST_CASE_FIXTURE(Rig, "a stream of which nothing comes is left out until it does") {
  const unsigned pictures = video();
  const unsigned sounds = audio();
  assembler.on_all_streams(start);
  add(pictures, key, 0);
  add(pictures, delta, 33);
  CHECK(chunks.empty());
  REQUIRE(assembler.deadline());
  assembler.on_time(*assembler.deadline());
  CHECK(chunks.size() == 2);
  CHECK(tracks.back().size() == 1);
  add(sounds, sound, 40);
  CHECK(tracks.back().size() == 2);
  add(pictures, delta, 66);
  REQUIRE(chunks.size() == 3);
  CHECK(chunks[2].frames.size() == 2);
  CHECK(chunks[2].frames[1].track == 1);
}

TEST_CASE_FIXTURE(Rig, "frames that wait for a stream are bounded") {
  video();
  const unsigned sounds = audio();
  assembler.on_all_streams(start);
  for (std::size_t index = 0; index < Assembler::waiting_max; ++index) {
    CHECK(chunks.empty());
    add(sounds, sound, static_cast<int>(index) * 21);
  }
  CHECK(chunks.size() == Assembler::waiting_max);
}

TEST_CASE_FIXTURE(Rig, "other parameter sets are told before the frame that they come with") {
  const unsigned pictures = video();
  assembler.on_all_streams(start);
  add(pictures, key, 0);
  add(pictures, annex_b({test::h264_sps(40), test::h264_pps(), test::h264_idr()}), 33);
  REQUIRE(tracks.size() == 2);
  CHECK(tracks[1][0].width == 640);
  CHECK(chunks.size() == 2);
}

TEST_CASE_FIXTURE(Rig, "what waits leaves at the end") {
  const unsigned pictures = video();
  const unsigned sounds = audio();
  add(pictures, key, 0);
  add(sounds, sound, 10);
  assembler.finish(start);
  CHECK(chunks.size() == 2);
}

TEST_CASE_FIXTURE(Rig, "a source that was away goes on with a sync chunk of the same tracks") {
  const unsigned pictures = video();
  assembler.on_all_streams(start);
  add(pictures, key, 0);
  add(pictures, delta, 33);
  REQUIRE(chunks.size() == 2);
  assembler.interrupt(start);
  add(pictures, delta, 5000);
  CHECK(chunks.size() == 2);
  add(pictures, key, 5033);
  REQUIRE(chunks.size() == 3);
  CHECK(chunks[2].sync);
  CHECK(chunks[2].frames[0].dts == 900'000 + 5033 * 90);
  CHECK(tracks.size() == 1);
}

TEST_CASE_FIXTURE(Rig, "what is no frame is not counted as one") {
  const unsigned pictures = video();
  Assembler::Input input;
  input.stream = pictures;
  const Bytes nonsense = bytes({1, 2, 3});
  input.bytes = nonsense;
  CHECK_FALSE(assembler.add(input, start));
  input.bytes = key;
  CHECK(assembler.add(input, start));
}

}  // namespace client::camera

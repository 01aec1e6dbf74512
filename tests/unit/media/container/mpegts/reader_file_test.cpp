// Files made by tests/data/make-ts with real encoders and muxers.
#include <doctest/doctest.h>

#include "tests/unit/media/container/mpegts/reader_rig.hpp"

using media::Codec;
using media::Kind;
using test::Bytes;
using test::ReaderRig;

namespace {

struct Expected {
  const char* file;
  std::size_t syncs;
  std::uint64_t frames;
  Codec codec;
  std::uint32_t width;
  std::uint32_t height;
  std::size_t dropped;  // ffmpeg writes an SDT before its first PAT
};

constexpr Expected files[] = {
    {"ts/h264_aac.ts", 4, 100, Codec::h264, 322, 180, 188},
    {"ts/h264_open_gop.ts", 4, 100, Codec::h264, 320, 180, 188},
    {"ts/h265_aac.ts", 3, 75, Codec::h265, 322, 180, 188},
    {"ts/two_audio.ts", 3, 75, Codec::h264, 320, 180, 188},
    {"ts/mpeg2.ts", 5, 50, Codec::unknown, 0, 0, 188},
    {"ts/gst_h264_aac.ts", 3, 75, Codec::h264, 320, 180, 0},
};

std::size_t count_syncs(const ReaderRig& rig) {
  std::size_t syncs = 0;
  for (const auto& piece : rig.pieces) syncs += piece.sync ? 1 : 0;
  return syncs;
}

}  // namespace

TEST_CASE("real video files are cut frame by frame however they arrive") {
  for (const Expected& expected : files) {
    CAPTURE(expected.file);
    const Bytes file = test::data_file(expected.file);
    std::vector<std::size_t> sizes;
    for (const std::size_t step : {1U, 100U, 188U, 1316U, 1400U, 65'536U}) {
      ReaderRig rig;
      REQUIRE(rig.feed(file, step));
      rig.finish();
      CHECK(test::gather(rig.pieces) ==
            Bytes(file.begin() + static_cast<std::ptrdiff_t>(expected.dropped), file.end()));
      if (sizes.empty()) sizes = rig.sizes();
      REQUIRE(rig.sizes() == sizes);
      const auto& counters = rig.reader.counters();
      CHECK(count_syncs(rig) == expected.syncs);
      CHECK(counters.video_frames == expected.frames);
      CHECK(counters.continuity_errors + counters.bad_sections + counters.resyncs == 0);
      // All but a few ends are known with the frame's last packet.
      CHECK(counters.ended_by_length + counters.ended_by_stuffing >= expected.frames * 97 / 100);
      const auto& track = rig.reader.tracks()[0];
      CHECK(track.kind == Kind::video);
      CHECK(track.codec == expected.codec);
      CHECK(track.width == expected.width);
      CHECK(track.height == expected.height);
      CHECK(track.rate.per_1000_s() == 25'000);
      std::int64_t dts = 0;
      for (const auto& piece : rig.pieces) {
        if (!piece.dts) continue;
        CHECK(*piece.dts >= dts);
        dts = *piece.dts;
      }
    }
  }
}

TEST_CASE("viewers of real files see no counter jump wherever they begin or jump") {
  for (const Expected& expected : files) {
    CAPTURE(expected.file);
    ReaderRig rig;
    REQUIRE(rig.feed(test::data_file(expected.file), 1400));
    rig.finish();
    for (std::size_t to = 1; to < rig.pieces.size(); ++to) {
      if (!rig.pieces[to].sync) continue;
      test::ContinuityCheck start;
      start.add(test::gather(rig.pieces[to].start_join));
      start.add(test::gather(rig.pieces, to));
      CHECK(start.errors == 0);
      test::ContinuityCheck skip;
      skip.add(test::gather(rig.pieces[to / 2].bytes));
      skip.add(test::gather(rig.pieces[to].skip_join));
      skip.add(test::gather(rig.pieces, to));
      CHECK(skip.errors == 0);
    }
  }
}

TEST_CASE("a real audio file is cut at every frame") {
  ReaderRig rig;
  REQUIRE(rig.feed(test::data_file("ts/audio_only.ts"), 1400));
  rig.finish();
  CHECK(rig.pieces.size() == 142);
  CHECK(count_syncs(rig) == rig.pieces.size());
  CHECK(rig.reader.counters().audio_frames == 142);
  REQUIRE(rig.reader.tracks().size() == 1);
  CHECK(rig.reader.tracks()[0].codec == Codec::aac);
  CHECK(rig.reader.tracks()[0].sample_rate == 48'000);
  CHECK(rig.reader.tracks()[0].channels == 2);
}

TEST_CASE("audio tracks of a real file have their codecs and languages") {
  ReaderRig rig;
  REQUIRE(rig.feed(test::data_file("ts/two_audio.ts")));
  const auto tracks = rig.reader.tracks();
  REQUIRE(tracks.size() == 3);
  CHECK(tracks[1].codec == Codec::aac);
  CHECK(tracks[1].language == "deu");
  CHECK(tracks[1].channels == 1);
  CHECK(tracks[2].codec == Codec::mp3);
  CHECK(tracks[2].language == "eng");
}

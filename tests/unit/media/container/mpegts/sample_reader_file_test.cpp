// Files made by tests/data/make-ts with real encoders, compared with what ffmpeg makes of them
// (tests/data/make-packets).
#include <sstream>

#include "relay/media/timescale.hpp"
#include "tests/unit/media/container/mpegts/reader_rig.hpp"
#include "tests/unit/media/container/mpegts/sample_rig.hpp"

using media::Codec;
using media::Kind;
using test::Bytes;
using test::Got;
using test::SampleRig;

namespace {

constexpr const char* files[] = {"ts/h264_aac.ts",   "ts/h264_open_gop.ts", "ts/h265_aac.ts",
                                 "ts/audio_only.ts", "ts/two_audio.ts",     "ts/gst_h264_aac.ts",
                                 "ts/wrap.ts",       "ts/h264_mbaff.ts",    "ts/h264_opus.ts"};

struct Expected {
  unsigned track;
  std::int64_t pts;
  std::int64_t dts;
  bool sync;
  std::size_t size;
  std::uint32_t adler;
};

std::vector<Expected> expected_of(const std::string& name) {
  std::ifstream in(std::string(SPANCAST_TEST_DATA) + "/" + name + ".packets");
  REQUIRE(in.good());
  std::vector<Expected> out;
  std::string flags;
  for (Expected line{}; in >> line.track >> line.pts >> line.dts >> flags >> line.size;) {
    std::string checksum;
    in >> checksum;
    line.adler = static_cast<std::uint32_t>(std::stoul(checksum, nullptr, 16));
    line.sync = flags == "K";
    out.push_back(line);
  }
  return out;
}

// As ffmpeg's framecrc begins it: with 0 instead of 1.
std::uint32_t adler32(const Bytes& bytes) {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  for (const std::byte byte : bytes) {
    low = (low + std::to_integer<std::uint32_t>(byte)) % 65'521;
    high = (high + low) % 65'521;
  }
  return high << 16 | low;
}

std::vector<Got> of_track(const SampleRig& rig, unsigned track) {
  std::vector<Got> out;
  for (const Got& got : rig.samples) {
    if (got.track == track) out.push_back(got);
  }
  return out;
}

std::size_t slices_of(std::span<const std::byte> payload) {
  std::size_t slices = 0;
  while (payload.size() > 4) {
    slices += codec::h264::is_vcl(codec::h264::nal_type(payload[4])) ? 1 : 0;
    std::size_t size = 0;
    for (const std::byte byte : payload.first(4)) {
      size = size << 8 | std::to_integer<std::size_t>(byte);
    }
    payload = payload.subspan(4 + size);
  }
  return slices;
}

void check_as_ffmpeg(const SampleRig& rig, const std::vector<Expected>& expected) {
  std::size_t at = 0;
  for (unsigned index = 0; index < rig.reader.tracks().size(); ++index) {
    const auto& track = rig.reader.tracks()[index];
    CAPTURE(index);
    const auto samples = of_track(rig, index);
    for (std::size_t number = 0; number < samples.size(); ++number, ++at) {
      CAPTURE(number);
      REQUIRE(at < expected.size());
      const Got& got = samples[number];
      const Expected& wanted = expected[at];
      REQUIRE(wanted.track == index);
      CHECK(got.payload.size() == wanted.size);
      CHECK(adler32(got.payload) == wanted.adler);
      CHECK(got.sync == wanted.sync);
      if (track.kind == Kind::video) {
        CHECK(got.dts == wanted.dts);
        CHECK(got.pts == wanted.pts);
      } else {
        const auto off = media::rescale(got.pts, 90'000, track.timescale) - wanted.pts;
        CHECK(off >= -2);
        CHECK(off <= 2);
        if (number > 0) {
          CHECK(got.dts == samples[number - 1].dts + samples[number - 1].duration);
        }
      }
    }
  }
  CHECK(at == expected.size());
  const auto& counters = rig.reader.counters();
  CHECK(counters.lost_units + counters.too_large + counters.headless + counters.untimed == 0);
  CHECK(counters.went_back + counters.skipped_bytes + counters.skipped_frames == 0);
}

}  // namespace

TEST_CASE("samples of real files are those of ffmpeg when the reader cuts the chunks") {
  for (const char* name : files) {
    CAPTURE(name);
    const auto expected = expected_of(name);
    test::ReaderRig cutter;
    REQUIRE(cutter.feed(test::data_file(name), 1400));
    cutter.finish();
    SampleRig rig;
    rig.stamps.near = expected.front().dts;
    for (std::size_t index = 0; index < cutter.pieces.size(); ++index) {
      const bool is_last = index + 1 == cutter.pieces.size();
      const std::size_t before = rig.samples.size();
      REQUIRE(rig.feed(cutter.pieces[index].bytes,
                       !is_last && cutter.pieces[index + 1].continues_frame));
      // A chunk's video frame comes out with it.
      std::size_t frames = 0;
      for (std::size_t at = before; at < rig.samples.size(); ++at) {
        frames += rig.reader.tracks()[rig.samples[at].track].kind == Kind::video ? 1 : 0;
      }
      CHECK(frames == cutter.pieces[index].video_frames);
    }
    check_as_ffmpeg(rig, expected);
  }
}

TEST_CASE("samples of real files are the same however chunks and windows are cut") {
  for (const char* name : files) {
    CAPTURE(name);
    const auto expected = expected_of(name);
    const Bytes file = test::data_file(name);
    for (const std::size_t packets : {1U, 2U, 7U, 100U, 100'000U}) {
      for (const std::size_t step : {1U, 100U, 187U, 188U, 1400U}) {
        // Every combination once; single bytes are slow.
        if (step == 1 && packets != 7) continue;
        CAPTURE(packets);
        CAPTURE(step);
        SampleRig rig;
        rig.stamps.near = expected.front().dts;
        auto rest = std::span<const std::byte>(file);
        while (!rest.empty()) {
          const auto chunk = rest.first(std::min(rest.size(), packets * 188));
          rest = rest.subspan(chunk.size());
          REQUIRE(rig.feed(chunk, !rest.empty(), step));
        }
        check_as_ffmpeg(rig, expected);
      }
    }
  }
}

TEST_CASE("tracks of real files have their configuration and size") {
  struct {
    const char* name;
    Codec codec;
    std::uint32_t width;
    std::uint32_t height;
    Codec audio;
    std::uint32_t rate;
  } const cases[] = {{"ts/h264_aac.ts", Codec::h264, 322, 180, Codec::aac, 48'000},
                     {"ts/h265_aac.ts", Codec::h265, 322, 180, Codec::aac, 48'000},
                     {"ts/h264_opus.ts", Codec::h264, 160, 90, Codec::opus, 48'000},
                     {"ts/wrap.ts", Codec::h264, 160, 90, Codec::aac, 44'100}};
  for (const auto& wanted : cases) {
    CAPTURE(wanted.name);
    SampleRig rig;
    REQUIRE(rig.feed(test::data_file(wanted.name)));
    const auto tracks = rig.reader.tracks();
    REQUIRE(tracks.size() == 2);
    CHECK(tracks[0].codec == wanted.codec);
    CHECK(tracks[0].width == wanted.width);
    CHECK(tracks[0].height == wanted.height);
    CHECK(tracks[0].timescale == 90'000);
    CHECK(!tracks[0].config.empty());
    CHECK(tracks[1].codec == wanted.audio);
    CHECK(tracks[1].sample_rate == wanted.rate);
    CHECK(tracks[1].timescale == wanted.rate);
    CHECK(!tracks[1].config.empty());
    // The PMT; parameter sets; of AAC the first header.
    CHECK(rig.reader.tracks_version() == (wanted.audio == Codec::aac ? 3 : 2));
  }
}

TEST_CASE("a picture whose slices come in PES packets of their own breaks once and no more") {
  test::ReaderRig cutter;
  REQUIRE(cutter.feed(test::data_file("ts/gst_h264_slices.ts"), 1400));
  cutter.finish();
  SampleRig rig;
  for (const auto& piece : cutter.pieces) REQUIRE(rig.feed(piece.bytes));
  // Nobody says that the last one has ended, and of the first what came behind its end is lost.
  REQUIRE(rig.samples.size() == 49);
  for (std::size_t index = 0; index < rig.samples.size(); ++index) {
    CAPTURE(index);
    const Got& got = rig.samples[index];
    CHECK(slices_of(got.payload) == (index == 0 ? 1 : 4));
    CHECK(got.sync == (index % 25 == 0));
    CHECK(got.dts == rig.samples[0].dts + static_cast<std::int64_t>(index) * 3600);
  }
  CHECK(rig.reader.counters().headless == 3);
}

TEST_CASE("stamps are mapped into media time") {
  const auto expected = expected_of("ts/wrap.ts");
  SampleRig rig;
  rig.stamps = {900'000 - expected.front().dts, 950'000};
  REQUIRE(rig.feed(test::data_file("ts/wrap.ts")));
  const auto video = of_track(rig, 0);
  REQUIRE(!video.empty());
  for (std::size_t index = 0; index < video.size(); ++index) {
    CHECK(video[index].dts == 900'000 + expected[index].dts - expected.front().dts);
  }
}

#include "relay/media/container/fmp4/init.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "relay/media/container/fmp4/errc.hpp"
#include "tests/unit/media/container/fmp4/mp4_builder.hpp"

using fmp4::Errc;
using fmp4::parse_moov;
using media::Codec;
using media::Kind;
using test::Bytes;
using test::Fields;
using test::TrackSpec;

namespace {

base::Result<fmp4::Movie> parse(const Bytes& moov) {
  return parse_moov(std::span(moov).subspan(8));
}

base::Result<fmp4::Movie> parse(const std::vector<TrackSpec>& tracks) {
  return parse(test::moov(tracks));
}

media::Track track_of(const Bytes& entry, std::string_view handler = "vide") {
  const auto movie = parse({{.handler = handler, .entry = entry}});
  REQUIRE(movie.has_value());
  return movie->tracks.at(0);
}

base::Error error_of(const Bytes& entry) {
  const auto movie = parse({{.entry = entry}});
  return movie ? base::Error{} : movie.error();
}

struct Edit {
  std::uint64_t duration;
  std::int64_t media_time;
};

Bytes elst(unsigned version, std::initializer_list<Edit> edits) {
  Fields out;
  out.u32(edits.size());
  for (const Edit& edit : edits) {
    const auto time = static_cast<std::uint64_t>(edit.media_time);
    if (version == 0) {
      out.u32(edit.duration).u32(time);
    } else {
      out.u64(edit.duration).u64(time);
    }
    out.u32(0x10000);
  }
  return test::full_box("elst", version, 0, out.bytes);
}

base::Result<std::int64_t> shift_of(const Bytes& list, std::uint32_t timescale = 90'000) {
  const auto movie = parse({{.timescale = timescale, .elst = list}});
  if (!movie) return movie.error();
  return movie->contexts.at(0).shift;
}

}  // namespace

TEST_CASE("a movie header says its tracks") {
  for (const unsigned version : {0U, 1U}) {
    const auto movie = parse({{.id = 7, .timescale = 90'000, .version = version},
                              {.id = 3,
                               .handler = "soun",
                               .entry = test::mp3_entry(),
                               .timescale = 44'100,
                               .default_duration = 1,
                               .default_size = 2,
                               .default_flags = 3,
                               .version = version,
                               .language = 0x10B5}});
    REQUIRE(movie.has_value());
    REQUIRE(movie->tracks.size() == 2);
    const media::Track& video = movie->tracks[0];
    CHECK(video.id == 7);
    CHECK(video.codec == Codec::vp9);
    CHECK(video.kind == Kind::video);
    CHECK(video.width == 64);
    CHECK(video.height == 48);
    CHECK(video.timescale == 90'000);
    CHECK(video.language.empty());
    CHECK(video.config.size() == 12);
    const media::Track& audio = movie->tracks[1];
    CHECK(audio.id == 3);
    CHECK(audio.codec == Codec::mp3);
    CHECK(audio.kind == Kind::audio);
    CHECK(audio.sample_rate == 48'000);
    CHECK(audio.channels == 2);
    CHECK(audio.timescale == 44'100);
    CHECK(audio.language == "deu");
    CHECK(audio.config.empty());
    CHECK(movie->contexts[1].defaults.duration == 1);
    CHECK(movie->contexts[1].defaults.size == 2);
    CHECK(movie->contexts[1].defaults.flags == 3);
    CHECK(movie->contexts[0].shift == 0);
  }
}

TEST_CASE("a codec that is not ours becomes an unknown track of its handler's kind") {
  CHECK(track_of(test::video_entry("mp4v", {})).codec == Codec::unknown);
  CHECK(track_of(test::video_entry("mp4v", {})).kind == Kind::video);
  CHECK(track_of(test::box("ac-3"), "soun").kind == Kind::audio);
  CHECK(track_of(test::box("tx3g"), "text").kind == Kind::data);
  const Bytes mpeg4_visual = test::audio_entry("mp4a", test::esds(0x20, {}));
  CHECK(track_of(mpeg4_visual).codec == Codec::unknown);
}

TEST_CASE("AAC has its configuration's rate and channels") {
  const Bytes config = Fields().u16(0x1288).bytes;  // AAC-LC, 32 kHz, one channel
  for (const unsigned type : {0x40U, 0x66U, 0x67U, 0x68U}) {
    const auto track = track_of(test::audio_entry("mp4a", test::esds(type, config), 2, 48'000));
    CHECK(track.codec == Codec::aac);
    CHECK(track.kind == Kind::audio);
    CHECK(track.config == config);
    CHECK(track.sample_rate == 32'000);
    CHECK(track.channels == 1);
  }
}

TEST_CASE("MP3 is told by its object type") {
  for (const unsigned type : {0x69U, 0x6BU}) {
    const auto track = track_of(test::audio_entry("mp4a", test::esds(type, {}), 1, 44'100));
    CHECK(track.codec == Codec::mp3);
    CHECK(track.sample_rate == 44'100);
    CHECK(track.channels == 1);
    CHECK(track.config.empty());
  }
}

TEST_CASE("a QuickTime sound entry has more fields before its boxes") {
  for (const unsigned version : {1U, 2U}) {
    const Bytes box = test::esds(0x6B, {});
    CHECK(track_of(test::audio_entry("mp4a", box, 1, 44'100, version)).codec == Codec::mp3);
  }
}

TEST_CASE("Opus has the channels of its configuration") {
  const Bytes config = Fields().u8(0).u8(1).u16(312).u32(44'100).u16(0).u8(0).bytes;
  const auto track = track_of(test::audio_entry("Opus", test::box("dOps", config)));
  CHECK(track.codec == Codec::opus);
  CHECK(track.sample_rate == 48'000);
  CHECK(track.channels == 1);
  CHECK(track.config == config);
}

TEST_CASE("H.264 has the record with lengths of four bytes") {
  for (const char* type : {"avc1", "avc3"}) {
    for (const unsigned length_bytes : {1U, 2U, 4U}) {
      const Bytes record = test::avcc(length_bytes, {test::sps()}, {test::pps()});
      const auto movie = parse({{.entry = test::video_entry(type, record)}});
      REQUIRE(movie.has_value());
      const media::Track& track = movie->tracks[0];
      CHECK(track.codec == Codec::h264);
      const Bytes expected = test::avcc(4, {test::sps()}, {test::pps()});
      CHECK(track.config == Bytes(expected.begin() + 8, expected.end()));
      const fmp4::NalFormat& nal = movie->nal_formats[0];
      CHECK(nal.codec == Codec::h264);
      CHECK(nal.length_bytes == length_bytes);
      CHECK(nal.parameter_sets == Fields()
                                      .u32(test::sps().size())
                                      .add(test::sps())
                                      .u32(test::pps().size())
                                      .add(test::pps())
                                      .bytes);
    }
  }
}

TEST_CASE("H.264 without parameter sets has no configuration yet") {
  const auto movie = parse({{.entry = test::video_entry("avc3", test::avcc(4, {}, {}))}});
  REQUIRE(movie.has_value());
  CHECK(movie->tracks[0].codec == Codec::h264);
  CHECK(movie->tracks[0].config.empty());
  CHECK(movie->nal_formats[0].parameter_sets.empty());
}

TEST_CASE("AV1 may have an empty configuration and then has none yet") {
  const auto track = track_of(test::video_entry("av01", test::box("av1C")));
  CHECK(track.codec == Codec::av1);
  CHECK(track.config.empty());
  const Bytes record = Fields().u32(0x81000C00).bytes;
  CHECK(track_of(test::video_entry("av01", test::box("av1C", record))).config == record);
}

TEST_CASE("a configuration that is missing or makes no sense is refused") {
  const Bytes nonsense = Fields().u32(0xFFFFFFFF).bytes;
  for (const char* type : {"avc1", "avc3", "hvc1", "hev1", "av01", "vp09"}) {
    CAPTURE(type);
    CHECK(error_of(test::video_entry(type, {})) == Errc::bad_config);
  }
  CHECK(error_of(test::video_entry("avc1", test::box("avcC", nonsense))) == Errc::bad_config);
  CHECK(error_of(test::video_entry("hvc1", test::box("hvcC", nonsense))) == Errc::bad_config);
  CHECK(error_of(test::video_entry("av01", test::box("av1C", Bytes(3)))) == Errc::bad_config);
  CHECK(error_of(test::audio_entry("Opus", test::box("dOps", nonsense))) == Errc::bad_config);
  CHECK(error_of(test::audio_entry("Opus", {})) == Errc::bad_config);
  CHECK(error_of(test::audio_entry("mp4a", {})) == Errc::bad_config);
  CHECK(error_of(test::audio_entry("mp4a", test::box("esds", nonsense))) == Errc::bad_config);
  CHECK(error_of(test::audio_entry("mp4a", test::esds(0x40, {}))) == Errc::bad_config);
}

TEST_CASE("parameter sets over 4 KiB are refused") {
  const auto entry_with = [](std::size_t size) {
    Bytes large = test::sps();
    large.resize(size);
    return test::video_entry("avc1", test::avcc(4, {large}, {test::pps()}));
  };
  const std::size_t most = 4096 - 8 - test::pps().size();
  CHECK(error_of(entry_with(most)) == base::Error{});
  CHECK(error_of(entry_with(most + 1)) == Errc::config_too_big);
}

TEST_CASE("an edit list shifts a track by its first normal edit") {
  CHECK(shift_of(elst(0, {{0, 1024}})) == std::int64_t{-1024});
  CHECK(shift_of(elst(1, {{0, 1024}, {5, 7}})) == std::int64_t{-1024});
  CHECK(shift_of(elst(0, {})) == std::int64_t{0});
}

TEST_CASE("empty edits delay a track in the timescale of the movie") {
  CHECK(shift_of(elst(0, {{700, -1}, {0, 1024}})) == std::int64_t{700 * 90 - 1024});
  CHECK(shift_of(elst(1, {{700, -1}, {1, -1}, {0, 0}})) == std::int64_t{701 * 90});
  CHECK(shift_of(elst(1, {{500, -1}}), 44'100) == std::int64_t{22'050});
}

TEST_CASE("an edit list that is cut or beyond any time is refused") {
  const Bytes cut = test::full_box("elst", 0, 0, Fields().u32(2).u32(0).u32(0).u32(0).bytes);
  CHECK(shift_of(cut).error() == Errc::truncated_box);
  const auto huge = std::int64_t{1} << 62;
  CHECK(shift_of(elst(1, {{0, huge}})).error() == Errc::bad_time);
  CHECK(shift_of(elst(1, {{0, -2}})).error() == Errc::bad_time);
  CHECK(shift_of(elst(1, {{static_cast<std::uint64_t>(huge), -1}})).error() == Errc::bad_time);
  CHECK(shift_of(elst(1, {{~std::uint64_t{0}, -1}})).error() == Errc::bad_time);
  const auto most = static_cast<std::uint64_t>(fmp4::seconds_max * 1000 - 1);
  CHECK(shift_of(elst(1, {{most, -1}, {most, -1}})).error() == Errc::bad_time);
  CHECK(shift_of(elst(1, {{most, -1}}), fmp4::timescale_max));
}

TEST_CASE("a movie that is not fragmented is refused") {
  const Bytes bytes = test::box("moov", test::join({test::mvhd(), test::trak({})}));
  CHECK(parse(bytes).error() == Errc::not_fragmented);
}

TEST_CASE("sixteen tracks are read and a seventeenth is refused") {
  std::vector<TrackSpec> tracks;
  for (std::uint32_t id = 1; id <= 16; ++id) tracks.push_back({.id = id});
  CHECK(parse(tracks)->tracks.size() == 16);
  tracks.push_back({.id = 17});
  CHECK(parse(tracks).error() == Errc::too_many_tracks);
}

TEST_CASE("track numbers are not zero and differ") {
  CHECK(parse({{.id = 0}}).error() == Errc::bad_track_id);
  CHECK(parse({{.id = 2}, {.id = 2}}).error() == Errc::bad_track_id);
}

TEST_CASE("a timescale is neither zero nor finer than a nanosecond") {
  CHECK(parse({{.timescale = 0}}).error() == Errc::bad_timescale);
  CHECK(parse({{.timescale = 1'000'000'000}}).has_value());
  CHECK(parse({{.timescale = (1U << 30) + 1}}).error() == Errc::bad_timescale);
  const Bytes bytes = test::box("moov", test::join({test::mvhd(0), test::box("mvex")}));
  CHECK(parse(bytes).error() == Errc::bad_timescale);
}

TEST_CASE("a movie header that is cut at any byte inside is refused") {
  const Bytes whole = test::moov(
      {{.entry = test::video_entry("avc1", test::avcc(4, {test::sps()}, {test::pps()})),
        .elst = elst(1, {{1, -1}, {0, 5}})},
       {.id = 2, .handler = "soun", .entry = test::audio_entry("mp4a", test::esds(0x6B, {}))}});
  REQUIRE(parse(whole).has_value());
  for (std::size_t size = 9; size < whole.size(); ++size) {
    CAPTURE(size);
    // Cut between two boxes it is whole again, but then not fragmented or not complete.
    CHECK_FALSE(parse_moov(std::span(whole).subspan(8, size - 8)).has_value());
  }
}

TEST_CASE("a track without one of its boxes is refused") {
  const Bytes whole = test::trak({});
  for (const std::string name : {"tkhd", "mdhd", "hdlr", "stsd"}) {
    CAPTURE(name);
    Bytes changed = whole;
    const Bytes needle = Fields().text(name).bytes;
    const auto at = std::search(changed.begin(), changed.end(), needle.begin(), needle.end());
    REQUIRE(at != changed.end());
    *at = std::byte{'x'};
    const Bytes bytes =
        test::box("moov", test::join({test::mvhd(), changed, test::box("mvex", test::trex({}))}));
    CHECK(parse(bytes).error() == Errc::incomplete_moov);
  }
  const Bytes bytes = test::moov({{.entry = {}}});
  CHECK(parse(bytes).error() == Errc::incomplete_moov);
}

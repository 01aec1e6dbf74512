#include "relay/media/container/fmp4/fragment.hpp"

#include <doctest/doctest.h>

#include "relay/media/container/fmp4/errc.hpp"
#include "tests/unit/media/container/fmp4/mp4_builder.hpp"

using fmp4::Errc;
using fmp4::Fragment;
using fmp4::Movie;
using test::base_is_moof;
using test::Bytes;
using test::Fields;

namespace {

constexpr std::uint64_t moof_at = 1000;

// Track 1 is video, track 2 audio, track 3 of an unknown codec.
Movie make_movie() {
  const Bytes moov = test::moov({{.id = 1, .timescale = 90'000},
                                 {.id = 2,
                                  .handler = "soun",
                                  .entry = test::mp3_entry(),
                                  .timescale = 48'000,
                                  .default_duration = 1152,
                                  .default_size = 100},
                                 {.id = 3, .handler = "text", .entry = test::box("tx3g")}});
  auto movie = fmp4::parse_moov(std::span(moov).subspan(8));
  REQUIRE(movie.has_value());
  return *movie;
}

base::Result<Fragment> parse(const Bytes& moof, Movie& movie) {
  return fmp4::parse_moof(std::span(moof).subspan(8), {moof_at, moof_at + moof.size()}, movie);
}
base::Result<Fragment> parse(const Bytes& moof) {
  Movie movie = make_movie();
  return parse(moof, movie);
}
base::Error error_of(const Bytes& moof) {
  const auto fragment = parse(moof);
  return fragment ? base::Error{} : fragment.error();
}

constexpr std::uint32_t data_at = 5000;  // from the moof on

Bytes at_data(const Bytes& more = {}) { return Fields().u32(data_at).add(more).bytes; }

}  // namespace

TEST_CASE("a run with all fields says each sample") {
  const Bytes rows = Fields()
                         .u32(3000)
                         .u32(500)
                         .u32(0x2000000)
                         .u32(6000)
                         .u32(3003)
                         .u32(20)
                         .u32(0x1010000)
                         .u32(static_cast<std::uint32_t>(-3000))
                         .bytes;
  const Bytes moof = test::moof(
      {test::join({test::tfhd(1), test::tfdt(90'000), test::trun(2, 0xF01, at_data(rows), 1)})});
  const auto fragment = parse(moof);
  REQUIRE(fragment.has_value());
  REQUIRE(fragment->samples.size() == 2);
  const auto& first = fragment->samples[0];
  CHECK(first.begin == moof_at + data_at);
  CHECK(first.size == 500);
  CHECK(first.track == 0);
  CHECK(first.sync);
  CHECK(first.duration == 3000);
  CHECK(first.dts == 90'000);
  CHECK(first.pts == 96'000);
  const auto& second = fragment->samples[1];
  CHECK(second.begin == moof_at + data_at + 500);
  CHECK(second.size == 20);
  CHECK_FALSE(second.sync);
  CHECK(second.dts == 93'000);
  CHECK(second.pts == 90'000);
}

TEST_CASE("every combination of flags takes its values from the right place") {
  for (std::uint32_t traf_bits = 0; traf_bits < 8; ++traf_bits) {
    for (std::uint32_t run_bits = 0; run_bits < 32; ++run_bits) {
      CAPTURE(traf_bits);
      CAPTURE(run_bits);
      std::uint32_t duration = 1152;  // of the trex
      std::uint32_t size = 100;
      Fields traf;
      if (traf_bits & 1) traf.u32(duration = 11);
      if (traf_bits & 2) traf.u32(size = 12);
      if (traf_bits & 4) traf.u32(0x10000);
      Fields run;
      if (run_bits & 1) run.u32(0);  // first_sample_flags
      std::uint32_t end = 0;
      std::uint32_t time = 0;
      for (std::uint32_t row = 0; row < 2; ++row) {
        if (run_bits & 2) run.u32(duration = 21 + row);
        if (run_bits & 4) run.u32(size = 31 + row);
        if (run_bits & 8) run.u32(0x10000);
        if (run_bits & 16) run.u32(51 + row);
        end += size;
        time += duration;
      }
      const std::uint32_t run_flags = 1 | (run_bits & 1) << 2 | (run_bits >> 1) << 8;
      const Bytes moof =
          test::moof({test::join({test::tfhd(2, base_is_moof | traf_bits << 3, traf.bytes),
                                  test::trun(2, run_flags, at_data(run.bytes))})});
      Movie movie = make_movie();
      const auto fragment = parse(moof, movie);
      REQUIRE(fragment.has_value());
      REQUIRE(fragment->samples.size() == 2);
      const auto& second = fragment->samples[1];
      CHECK(second.size == size);
      CHECK(second.duration == duration);
      CHECK(second.end() == moof_at + data_at + end);
      CHECK(second.dts + second.duration == time);
      CHECK(second.pts - second.dts == ((run_bits & 16) != 0 ? 52 : 0));
      CHECK(movie.contexts[1].next_dts == time);
    }
  }
}

TEST_CASE("sync frames are told by run and track and movie") {
  struct Case {
    std::uint32_t traf_flags;
    std::uint32_t run_flags;
    Bytes fields;
    bool first;
    bool second;
  };
  const Bytes rows = Fields().u32(9).u32(9).bytes;
  const Bytes not_first = Fields().u32(0x10000).add(rows).bytes;
  const Bytes only_first = Fields().u32(0).add(rows).bytes;
  const Bytes second_only = Fields().u32(9).u32(0x1010000).u32(9).u32(0).bytes;
  const Bytes depends = Fields().u32(9).u32(0x1000000).u32(9).u32(0x2000000).bytes;
  const Case cases[] = {
      {0, 0x201, rows, true, true},
      {0x10000, 0x201, rows, false, false},
      {0x10000, 0x205, only_first, true, false},
      {0, 0x205, not_first, false, true},
      {0x10000, 0x601, second_only, false, true},
      {0, 0x601, depends, false, true},
  };
  for (const Case& test_case : cases) {
    const Bytes traf =
        test::join({test::tfhd(1, base_is_moof | 0x20, Fields().u32(test_case.traf_flags).bytes),
                    test::trun(2, test_case.run_flags, at_data(test_case.fields))});
    const auto fragment = parse(test::moof({traf}));
    REQUIRE(fragment.has_value());
    CHECK(fragment->samples.at(0).sync == test_case.first);
    CHECK(fragment->samples.at(1).sync == test_case.second);
  }
}

TEST_CASE("audio is always sync") {
  const Bytes traf = test::join({test::tfhd(2, base_is_moof | 0x20, Fields().u32(0x1010000).bytes),
                                 test::trun(1, 1, at_data())});
  CHECK(parse(test::moof({traf}))->samples.at(0).sync);
}

TEST_CASE("offsets count from the moof or from a place in the file or from the data before") {
  const Bytes size = Fields().u32(10).bytes;
  // Absolute; a second run without an offset goes on where the first ended.
  auto fragment = parse(test::moof({test::join(
      {test::tfhd(1, 1, Fields().u64(7000).bytes),
       test::trun(1, 0x201, Fields().u32(static_cast<std::uint32_t>(-50)).add(size).bytes),
       test::trun(1, 0x200, size)})}));
  REQUIRE(fragment.has_value());
  CHECK(fragment->samples.at(0).begin == 6950);
  CHECK(fragment->samples.at(1).begin == 6960);
  // The first traf without a base counts from the moof, the next from the end of its data.
  fragment = parse(test::moof(
      {test::join({test::tfhd(1, 0), test::trun(1, 0x201, at_data(size))}),
       test::join({test::tfhd(2, 0), test::trun(1, 0x201, Fields().u32(3).add(size).bytes)}),
       test::join({test::tfhd(2, 0), test::trun(1, 0x200, size)})}));
  REQUIRE(fragment.has_value());
  CHECK(fragment->samples.at(0).begin == moof_at + data_at);
  CHECK(fragment->samples.at(1).begin == moof_at + data_at + 10 + 3);
  CHECK(fragment->samples.at(2).begin == moof_at + data_at + 10 + 3 + 10);
  // With default-base-is-moof each counts from the moof.
  fragment = parse(test::moof(
      {test::join({test::tfhd(1), test::trun(1, 0x201, at_data(size))}),
       test::join({test::tfhd(2), test::trun(1, 0x201, Fields().u32(9000).add(size).bytes)})}));
  REQUIRE(fragment.has_value());
  CHECK(fragment->samples.at(1).begin == moof_at + 9000);
}

TEST_CASE("samples of unknown codecs are passed over but take their bytes") {
  const Bytes size = Fields().u32(10).bytes;
  const auto fragment =
      parse(test::moof({test::join({test::tfhd(3, 0), test::trun(1, 0x201, at_data(size))}),
                        test::join({test::tfhd(3, 0x10, size), test::trun(100, 0)}),
                        test::join({test::tfhd(2, 0), test::trun(1, 0x200, size)})}));
  REQUIRE(fragment.has_value());
  REQUIRE(fragment->samples.size() == 1);
  CHECK(fragment->samples[0].begin == moof_at + data_at + 10 + 1000);
}

TEST_CASE("without tfdt time goes on") {
  Movie movie = make_movie();
  const Bytes run = test::trun(2, 1, at_data());
  REQUIRE(parse(test::moof({test::join({test::tfhd(2), test::tfdt(5000, 0), run})}), movie)
              .has_value());
  const auto fragment = parse(
      test::moof({test::join({test::tfhd(2), run}), test::join({test::tfhd(2), run})}), movie);
  REQUIRE(fragment.has_value());
  CHECK(fragment->samples.at(0).dts == 5000 + 2 * 1152);
  CHECK(fragment->samples.at(3).dts == 5000 + 5 * 1152);
}

TEST_CASE("the edit list shifts all times") {
  Movie movie = make_movie();
  movie.contexts[1].shift = -1105;
  const Bytes moof = test::moof(
      {test::join({test::tfhd(2), test::tfdt(0), test::trun(2, 0x801, at_data(Bytes(8)))})});
  const auto fragment = parse(moof, movie);
  REQUIRE(fragment.has_value());
  CHECK(fragment->samples.at(0).dts == -1105);
  CHECK(fragment->samples.at(1).pts == 1152 - 1105);
  CHECK(movie.contexts[1].next_dts == 2 * 1152);
}

TEST_CASE("an audio frame without duration lies between its neighbours") {
  // As frag_every_frame of ffmpeg writes it: time and duration of each fragment's only frame.
  struct Frame {
    std::uint64_t dts;
    std::uint32_t duration;
    std::int64_t expected;
    std::uint32_t expected_duration;
  };
  const Frame frames[] = {{0, 1024, 0, 1024},          {2048, 0, 1024, 1024},
                          {2048, 1024, 2048, 1024},    {4096, 0, 3072, 1024},
                          {5120, 0, 4096, 1024},       {5120, 1024, 5120, 1024},
                          {96'000, 0, 96'000, 0},  // a gap
                          {96'000, 1024, 96'000, 1024}};
  Movie movie = make_movie();
  for (const Frame& frame : frames) {
    CAPTURE(frame.dts);
    const Bytes traf =
        test::join({test::tfhd(2, base_is_moof | 8, Fields().u32(frame.duration).bytes),
                    test::tfdt(frame.dts), test::trun(1, 1, at_data())});
    const auto fragment = parse(test::moof({traf}), movie);
    REQUIRE(fragment.has_value());
    CHECK(fragment->samples.at(0).dts == frame.expected);
    CHECK(fragment->samples.at(0).pts == frame.expected);
    CHECK(fragment->samples.at(0).duration == frame.expected_duration);
  }
}

TEST_CASE("empty samples are counted and take time") {
  Movie movie = make_movie();
  const Bytes moof =
      test::moof({test::join({test::tfhd(2),
                              test::trun(3, 0x201, at_data(Fields().u32(0).u32(5).u32(0).bytes))}),
                  test::join({test::tfhd(2, base_is_moof | 0x10, Bytes(4)),
                              test::trun(1'000'000, 1, at_data())})});
  const auto fragment = parse(moof, movie);
  REQUIRE(fragment.has_value());
  REQUIRE(fragment->samples.size() == 1);
  CHECK(fragment->samples[0].dts == 1152);
  CHECK(fragment->empty_samples == 1'000'002);
  CHECK(movie.contexts[1].next_dts == 1'000'003 * std::int64_t{1152});
}

TEST_CASE("a fragment of a track that is not there is refused") {
  CHECK(error_of(test::moof({test::tfhd(9)})) == Errc::unknown_track);
}

TEST_CASE("a second sample description is refused") {
  const auto with = [](std::uint32_t track, std::uint32_t index) {
    return error_of(test::moof({test::tfhd(track, base_is_moof | 2, Fields().u32(index).bytes)}));
  };
  CHECK(with(1, 1) == base::Error{});
  CHECK(with(1, 0) == base::Error{});
  CHECK(with(1, 2) == Errc::other_description);
  CHECK(with(3, 2) == base::Error{});
}

TEST_CASE("a run that counts more samples than its box has is refused") {
  const Bytes rows = Fields().u32(1).u32(1).bytes;
  const auto with = [&](std::uint32_t count) {
    return error_of(
        test::moof({test::join({test::tfhd(1), test::trun(count, 0x201, at_data(rows))})}));
  };
  CHECK(with(2) == base::Error{});
  CHECK(with(3) == Errc::truncated_box);
  CHECK(with(0xFFFFFFFF) == Errc::truncated_box);
}

TEST_CASE("boxes of a fragment that are cut are refused") {
  CHECK(error_of(test::moof({test::tfdt(0)})) == Errc::truncated_box);  // no tfhd
  CHECK(error_of(test::moof({test::box("tfhd", Bytes(7))})) == Errc::truncated_box);
  CHECK(error_of(test::moof({test::tfhd(1, 1, Bytes(7))})) == Errc::truncated_box);
  CHECK(error_of(test::moof({test::join({test::tfhd(1), test::box("tfdt", Bytes(7))})})) ==
        Errc::truncated_box);
  CHECK(error_of(test::moof({test::join({test::tfhd(1), test::box("trun", Bytes(7))})})) ==
        Errc::truncated_box);
  CHECK(error_of(test::moof({test::join({test::tfhd(1), test::trun(0, 1, Bytes(3))})})) ==
        Errc::truncated_box);
}

TEST_CASE("16384 samples are read and one more is refused") {
  const auto with = [](std::uint32_t count) {
    const Bytes one = Fields().u32(1).bytes;
    return error_of(test::moof(
        {test::join({test::tfhd(2, base_is_moof | 0x10, one), test::trun(count, 1, at_data())})}));
  };
  CHECK(with(16'384) == base::Error{});
  CHECK(with(16'385) == Errc::too_many_samples);
  CHECK(with(0xFFFFFFFF) == Errc::too_many_samples);
}

TEST_CASE("rows are bounded also where nobody gets what they say") {
  const auto with = [](std::uint32_t count) {
    Fields rows;
    rows.bytes = at_data();
    for (std::uint32_t row = 0; row < count; ++row) rows.u32(0);
    return error_of(
        test::moof({test::join({test::tfhd(1), test::trun(count, 0x201, rows.bytes)})}));
  };
  CHECK(with(fmp4::rows_max) == base::Error{});
  CHECK(with(fmp4::rows_max + 1) == Errc::too_many_samples);
}

TEST_CASE("sample and fragment sizes are bounded") {
  const auto with = [](std::initializer_list<std::uint32_t> sizes, std::uint32_t offset) {
    Fields rows;
    rows.u32(offset);
    for (const std::uint32_t size : sizes) rows.u32(size);
    const auto count = static_cast<std::uint32_t>(sizes.size());
    return error_of(
        test::moof({test::join({test::tfhd(1), test::trun(count, 0x201, rows.bytes)})}));
  };
  const std::uint32_t most = fmp4::sample_bytes_max;
  const std::uint32_t moof_bytes = 8 + 16 + 8 + 16 + 16 + 4 + 4 * 4;
  CHECK(with({most, 1, 1, 1}, moof_bytes) == base::Error{});
  CHECK(with({most + 1, 1, 1, 1}, moof_bytes) == Errc::sample_too_big);
  CHECK(with({0xFFFFFFFF, 1, 1, 1}, moof_bytes) == Errc::sample_too_big);
  CHECK(with({most, most, most, most}, moof_bytes) == base::Error{});
  CHECK(with({most, most, most, most}, moof_bytes + 1) == Errc::fragment_too_big);
  CHECK(with({1, 1, 1, 1}, 0x7FFFFFFF) == Errc::fragment_too_big);
}

TEST_CASE("samples before the end of their header are refused") {
  const Bytes size = Fields().u32(1).bytes;
  const auto at = [&](std::uint32_t offset) {
    return error_of(test::moof(
        {test::join({test::tfhd(1), test::trun(1, 0x201, Fields().u32(offset).add(size).bytes)})}));
  };
  const std::uint32_t moof_bytes = 8 + 16 + 8 + 16 + 16 + 4 + 4;
  CHECK(at(moof_bytes) == base::Error{});
  CHECK(at(moof_bytes - 1) == Errc::sample_outside_mdat);
  CHECK(at(static_cast<std::uint32_t>(-900)) == Errc::sample_outside_mdat);
}

TEST_CASE("offsets outside any file are refused") {
  const Bytes run = test::trun(1, 1, Fields().u32(static_cast<std::uint32_t>(-2000)).bytes);
  CHECK(error_of(test::moof({test::join({test::tfhd(2), run})})) == Errc::bad_offset);
  for (const std::uint64_t base : {~std::uint64_t{0}, (std::uint64_t{1} << 62) + 1}) {
    CHECK(error_of(test::moof({test::tfhd(1, 1, Fields().u64(base).bytes)})) == Errc::bad_offset);
  }
  const Bytes huge = Fields().u32(0xFFFFFFFF).bytes;
  CHECK(error_of(test::moof({test::join({test::tfhd(3, base_is_moof | 0x10, huge),
                                         test::trun(0xFFFFFFFF, 0)})})) == Errc::bad_offset);
}

TEST_CASE("times beyond 136 years are refused") {
  const auto at = [](std::uint64_t dts) {
    return error_of(
        test::moof({test::join({test::tfhd(2), test::tfdt(dts), test::trun(1, 1, at_data())})}));
  };
  const auto most = static_cast<std::uint64_t>(fmp4::seconds_max) * 48'000 - 1;
  CHECK(at(most) == base::Error{});
  CHECK(at(most + 1) == Errc::bad_time);
  CHECK(at(std::uint64_t{1} << 63) == Errc::bad_time);
  CHECK(at(~std::uint64_t{0}) == Errc::bad_time);
  Movie movie = make_movie();
  movie.contexts[1].shift = 1;
  const Bytes moof =
      test::moof({test::join({test::tfhd(2), test::tfdt(most), test::trun(1, 1, at_data())})});
  CHECK(parse(moof, movie).error() == Errc::bad_time);
}

TEST_CASE("time that goes on for ever is refused") {
  Movie movie = make_movie();
  const Bytes moof = test::moof({test::join(
      {test::tfhd(3, base_is_moof | 8, Fields().u32(0xFFFFFFFF).bytes), test::trun(1 << 20, 0)})});
  base::Error error;
  int rounds = 0;
  for (; rounds < 10'000 && !error; ++rounds) {
    const auto fragment = parse(moof, movie);
    if (!fragment) error = fragment.error();
  }
  CHECK(error == Errc::bad_time);
}

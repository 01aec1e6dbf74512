#include "relay/media/container/fmp4/progressive_writer.hpp"

#include <doctest/doctest.h>

#include "tests/unit/media/container/fmp4/tracks.hpp"
#include "tests/unit/media/container/fmp4/whole_movie.hpp"

using fmp4::ProgressiveWriter;
using test::WholeMovie;

namespace {

constexpr std::int64_t log_begin = 900'000;  // 10 s of 90 kHz
constexpr std::int64_t frame = 3600;
constexpr std::int64_t step = frame / 256;  // of a frame that is not shown
constexpr std::int64_t audio_frame = 1024;

struct Rig {
  ProgressiveWriter writer;
  std::size_t video = writer.add_track(test::h264_track());
  std::uint64_t mdat_bytes = 0;

  void add(std::size_t track, std::int64_t dts, std::int64_t pts, bool sync, std::uint32_t bytes) {
    const std::uint32_t duration = track == video ? frame : audio_frame;
    writer.add(track, {mdat_bytes, bytes, dts, pts, duration, sync});
    mdat_bytes += bytes;
  }
  // Frames of 100, 101, ... bytes, every fifth a sync frame, shown as soon as they are decoded.
  void add_frames(int from, int to) {
    for (int n = from; n < to; ++n) {
      add(video, log_begin + n * frame, log_begin + n * frame, n % 5 == 0,
          static_cast<std::uint32_t>(100 + n));
    }
  }
  std::vector<std::byte> head(std::int64_t start, std::int64_t end) const {
    return writer.write({log_begin + start, log_begin + end, 90'000}, mdat_bytes, 0);
  }
  WholeMovie movie(std::int64_t start, std::int64_t end) const {
    return test::read_whole_movie(head(start, end));
  }
};

}  // namespace

TEST_CASE("a whole file says where each sample lies and when it is shown") {
  Rig rig;
  rig.add_frames(0, 12);
  const auto head = rig.head(0, 12 * frame);
  const WholeMovie movie = test::read_whole_movie(head);
  CHECK(movie.timescale == 90'000);
  CHECK(movie.duration == 12 * frame);
  CHECK(movie.created == 2'082'844'800);
  REQUIRE(movie.tracks.size() == 1);
  const WholeMovie::Track& track = movie.tracks[0];
  CHECK(track.id == 1);
  CHECK(track.shown == 12 * frame);
  CHECK(track.duration == 12 * frame);
  CHECK(track.entries == std::vector<std::string>{"avc1"});
  REQUIRE(track.samples.size() == 12);
  std::uint64_t offset = head.size();
  for (std::uint32_t n = 0; n < 12; ++n) {
    CHECK(track.samples[n].offset == offset);
    CHECK(track.samples[n].bytes == 100 + n);
    CHECK(track.samples[n].dts == n * frame);
    CHECK(track.samples[n].pts == n * frame);
    CHECK(track.samples[n].sync == (n % 5 == 0));
    offset += 100 + n;
  }
  CHECK(track.places == 1);
  // The head of mdat ends it.
  base::ByteReader mdat{std::span(head).last(8)};
  CHECK(mdat.u32() == 8 + rig.mdat_bytes);
  CHECK(test::four(mdat.u32()) == "mdat");
}

TEST_CASE("an edit list shows from the exact time to the exact time") {
  Rig rig;
  rig.add_frames(0, 12);
  const WholeMovie movie = rig.movie(2 * frame, 9 * frame);
  REQUIRE(movie.tracks.at(0).edits.size() == 1);
  CHECK(movie.tracks[0].edits[0].media_time == 2 * step);
  CHECK(movie.tracks[0].edits[0].duration == 7 * frame);
  CHECK(movie.tracks[0].samples.size() == 12);
  CHECK(movie.duration == 7 * frame);
  // What is before it lasts next to nothing.
  CHECK(movie.tracks[0].samples[0].duration == step);
  CHECK(movie.tracks[0].samples[1].duration == step);
  CHECK(movie.tracks[0].samples[2].duration == frame);
  CHECK(movie.tracks[0].samples[2].pts == 2 * step);
}

TEST_CASE("frames before the edit list keep their order and do not move the others") {
  Rig rig;
  const auto at = [](int n) { return log_begin + n * frame; };
  const int shown[] = {0, 4, 2, 1, 3, 8, 6, 5, 7};  // by decoding
  for (int n = 0; n < 9; ++n) rig.add(rig.video, at(n), at(shown[n] + 2), n == 0, 100);
  const WholeMovie::Track track = rig.movie(7 * frame, 11 * frame).tracks.at(0);
  const std::int64_t begin = track.edits.at(0).media_time;
  std::int64_t last = -1000;
  for (const int n : {0, 3, 2, 4, 1}) {
    CHECK(track.samples[static_cast<std::size_t>(n)].pts > last);
    last = track.samples[static_cast<std::size_t>(n)].pts;
    CHECK(last < begin);
    CHECK(last >= begin - 9 * step);
  }
  for (int n = 5; n < 9; ++n) {
    CHECK(track.samples[static_cast<std::size_t>(n)].pts - begin == (shown[n] + 2 - 7) * frame);
  }
  for (std::size_t n = 0; n + 1 < track.samples.size(); ++n) CHECK(track.samples[n].duration > 0);
  CHECK(track.shown == 4 * frame);
}

TEST_CASE("all frames may be before the edit list's end and few behind its begin") {
  Rig rig;
  rig.add_frames(0, 600);
  const WholeMovie::Track track = rig.movie(599 * frame, 600 * frame).tracks.at(0);
  CHECK(track.samples.at(599).pts == track.edits.at(0).media_time);
  CHECK(track.edits[0].media_time == 599 * step);
  CHECK(track.samples[599].duration == frame);
}

TEST_CASE("samples that are shown before they are decoded move the whole track") {
  Rig rig;
  const auto at = [](int n) { return log_begin + n * frame; };
  rig.add(rig.video, at(0), at(0), true, 100);
  rig.add(rig.video, at(1), at(2), false, 100);
  rig.add(rig.video, at(2), at(1), false, 100);
  rig.add(rig.video, at(3), at(3), false, 100);
  const WholeMovie::Track track = rig.movie(0, 4 * frame).tracks.at(0);
  CHECK(track.edits[0].media_time == frame);
  CHECK(track.edits[0].duration == 4 * frame);
  for (const auto& [sample, shown] : {std::pair{0, 0}, {1, 2}, {2, 1}, {3, 3}}) {
    CHECK(track.samples.at(static_cast<std::size_t>(sample)).dts == sample * frame);
    CHECK(track.samples.at(static_cast<std::size_t>(sample)).pts - track.edits[0].media_time ==
          shown * frame);
  }
}

TEST_CASE("a pause is a sample that lasts until the next one") {
  Rig rig;
  rig.add_frames(0, 5);
  rig.add_frames(100, 105);
  const WholeMovie::Track track = rig.movie(0, 105 * frame).tracks.at(0);
  CHECK(track.samples.at(4).duration == 96 * frame);
  CHECK(track.samples.at(5).dts == 100 * frame);
  CHECK(track.shown == 105 * frame);
}

TEST_CASE("tracks lie between each other and one that begins later waits") {
  Rig rig;
  const std::size_t audio = rig.writer.add_track(test::aac_track());
  const std::int64_t audio_begin = 10 * 48'000 + 4800;  // 100 ms later
  for (int n = 0; n < 6; ++n) {
    rig.add_frames(n, n + 1);
    rig.add(audio, audio_begin + 2 * n * audio_frame, audio_begin + 2 * n * audio_frame, true, 10);
    rig.add(audio, audio_begin + (2 * n + 1) * audio_frame, audio_begin + (2 * n + 1) * audio_frame,
            true, 11);
  }
  const auto head = rig.head(0, 6 * frame);
  const WholeMovie movie = test::read_whole_movie(head);
  REQUIRE(movie.tracks.size() == 2);
  const WholeMovie::Track& track = movie.tracks[1];
  CHECK(track.id == 2);
  CHECK(track.timescale == 48'000);
  REQUIRE(track.edits.size() == 2);
  CHECK(track.edits[0].media_time == -1);
  CHECK(track.edits[0].duration == 9000);
  CHECK(track.edits[1].media_time == 0);
  CHECK(track.edits[0].duration + track.edits[1].duration == 6 * frame);
  CHECK(track.places == 6);
  CHECK(track.samples.at(0).offset == head.size() + 100);
  CHECK(track.samples.at(3).offset == head.size() + 100 + 21 + 101 + 10);
  for (const auto& sample : track.samples) CHECK(sample.sync);
}

TEST_CASE("another configuration is another sample entry and an old one is found again") {
  Rig rig;
  media::Track small = test::h264_track();
  small.width = 640;
  small.timescale = 1000;
  rig.add_frames(0, 5);
  rig.writer.describe(rig.video, small);
  CHECK(rig.writer.track(rig.video).timescale == 90'000);
  rig.add_frames(5, 10);
  rig.writer.describe(rig.video, test::h264_track());
  rig.add_frames(10, 15);
  const WholeMovie::Track track = rig.movie(0, 15 * frame).tracks.at(0);
  CHECK(track.entries == std::vector<std::string>{"avc1", "avc1"});
  CHECK(track.samples.at(4).description == 1);
  CHECK(track.samples.at(5).description == 2);
  CHECK(track.samples.at(10).description == 1);
}

TEST_CASE("a track of which nothing is shown is left out") {
  Rig rig;
  const std::size_t audio = rig.writer.add_track(test::aac_track());
  rig.writer.add_track(test::opus_track());
  rig.add_frames(0, 10);
  rig.add(audio, 10 * 48'000, 10 * 48'000, true, 10);
  CHECK(rig.movie(5 * frame, 10 * frame).tracks.size() == 1);
}

TEST_CASE("times that go back and bytes beyond 4 GiB are told as well as possible") {
  Rig rig;
  rig.add_frames(0, 3);
  rig.mdat_bytes = std::uint64_t{5} << 30;
  rig.add_frames(2, 4);
  const auto head = rig.head(0, 4 * frame);
  const WholeMovie::Track track = test::read_whole_movie(head).tracks.at(0);
  CHECK(track.samples.at(2).duration == 0);
  CHECK(track.samples.at(4).dts == 3 * frame);
  CHECK(track.samples.at(3).offset == head.size() + (std::uint64_t{5} << 30));
  base::ByteReader mdat{std::span(head).last(16)};
  CHECK(mdat.u32() == 1);
  CHECK(test::four(mdat.u32()) == "mdat");
  CHECK(mdat.u64() == 16 + rig.mdat_bytes);
}

TEST_CASE("a place holds a bounded number of samples and the head is as large as was said") {
  Rig rig;
  rig.add_frames(0, 1000);
  CHECK(rig.writer.samples() == 1000);
  const auto head = rig.head(0, 1000 * frame);
  CHECK(test::read_whole_movie(head).tracks.at(0).places == 16);
  CHECK(head.size() <= rig.writer.bytes());
}

TEST_CASE("the sample entry of H.265 has its parameter sets complete") {
  ProgressiveWriter writer;
  const std::size_t track = writer.add_track(test::h265_track());
  writer.add(track, {0, 100, 0, 0, 3600, true});
  const auto head = writer.write({0, 3600, 90'000}, 100, 0);
  CHECK(test::read_whole_movie(head).tracks.at(0).entries == std::vector<std::string>{"hvc1"});
  const auto file = test::parse_file(std::span(head).first(head.size() - 8));
  auto stsd = file.at("moov/trak/mdia/minf/stbl/stsd").reader();
  stsd.skip(8);
  auto entry = test::parse_boxes(stsd.rest()).at(0);
  const auto hvcc = test::parse_boxes(std::span(entry.payload).subspan(78)).at(0);
  CHECK(hvcc.payload.at(23) == std::byte{0xA0});
  CHECK(hvcc.payload.at(30) == std::byte{0xA1});
}

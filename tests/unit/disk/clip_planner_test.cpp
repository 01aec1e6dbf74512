#include "relay/disk/clip_planner.hpp"

#include <doctest/doctest.h>

#include "relay/disk/errc.hpp"
#include "tests/unit/disk/clip_rig.hpp"

namespace disk {
namespace {

using namespace std::chrono_literals;
using test::ClipRig;

void change_byte(const std::filesystem::path& file, std::uint64_t offset) {
  std::fstream bytes(file, std::ios::binary | std::ios::in | std::ios::out);
  bytes.seekg(static_cast<std::streamoff>(offset));
  const int byte = bytes.get();
  bytes.seekp(static_cast<std::streamoff>(offset));
  bytes.put(static_cast<char>(byte ^ 1));
}

std::filesystem::path path_of(const ClipRig& rig, const Segment& segment) {
  return segment_path(rig.store.root(), segment.stream, segment.start);
}

}  // namespace

TEST_CASE("a clip has every frame that was recorded at its time") {
  ClipRig rig;
  rig.record(0, 20);
  const auto plan = rig.plan(ClipRig::at(0), ClipRig::at(20));
  REQUIRE(plan.has_value());
  CHECK(rig.shown(*plan) == ClipRig::frames(0, 20));
  CHECK((*plan)->start == ClipRig::at(0));
  CHECK((*plan)->end == ClipRig::at(20));
  CHECK((*plan)->gaps.empty());
  CHECK((*plan)->missing.empty());
  CHECK(rig.slices == 2);
}

TEST_CASE("a clip is shown from the frame that is seen at its begin to its end") {
  ClipRig rig;
  rig.record(0, 20);
  const auto plan = rig.plan(ClipRig::at(13, 7ms), ClipRig::at(17, 1ms));
  REQUIRE(plan.has_value());
  CHECK(rig.shown(*plan) == ClipRig::frames(13, 18));
  CHECK((*plan)->start == ClipRig::at(13));
  // It begins with the sync chunk and ends with the last one that is seen.
  CHECK((*plan)->pieces.size() == 8);
}

TEST_CASE("a clip goes on over the border of segments") {
  ClipRig rig;
  rig.record(0, 20);
  rig.record(20, 40);
  rig.record(40, 60);
  const auto plan = rig.plan(ClipRig::at(15), ClipRig::at(45));
  REQUIRE(plan.has_value());
  CHECK(rig.shown(*plan) == ClipRig::frames(15, 45));
  CHECK((*plan)->files.size() == 3);
  CHECK((*plan)->gaps.empty());
}

TEST_CASE("what two segments have is in a clip once") {
  ClipRig rig;
  rig.record(0, 25);
  rig.record(20, 40);
  const auto plan = rig.plan(ClipRig::at(0), ClipRig::at(40));
  REQUIRE(plan.has_value());
  CHECK(rig.shown(*plan) == ClipRig::frames(0, 40));
  CHECK((*plan)->gaps.empty());
}

TEST_CASE("a gap in a clip lasts as long as it did") {
  ClipRig rig;
  rig.record(0, 20);
  rig.record(50, 70, GapReason::backlog);
  const auto plan = rig.plan(ClipRig::at(10), ClipRig::at(60));
  REQUIRE(plan.has_value());
  CHECK(rig.shown(*plan) == ClipRig::frames(10, 20) + " " + ClipRig::frames(50, 60, 1600));
  REQUIRE((*plan)->gaps.size() == 1);
  CHECK((*plan)->gaps[0].from == ClipRig::at(20));
  CHECK((*plan)->gaps[0].to == ClipRig::at(50));
  CHECK((*plan)->gaps[0].reason == GapReason::backlog);
}

TEST_CASE("a clip that begins in a gap begins behind it and says so") {
  ClipRig rig;
  rig.record(0, 20);
  rig.record(50, 70, GapReason::failed);
  const auto plan = rig.plan(ClipRig::at(30), ClipRig::at(60));
  REQUIRE(plan.has_value());
  CHECK(rig.shown(*plan) == ClipRig::frames(50, 60));
  CHECK((*plan)->start == ClipRig::at(50));
  REQUIRE((*plan)->gaps.size() == 1);
  CHECK((*plan)->gaps[0].from == ClipRig::at(20));
  CHECK((*plan)->gaps[0].to == ClipRig::at(50));
}

TEST_CASE("the begin of a recording is told in milliseconds and no gap before it") {
  ClipRig rig;
  rig.record(0, 20);
  const auto plan = rig.plan(ClipRig::at(0, -999us), ClipRig::at(20));
  REQUIRE(plan.has_value());
  CHECK(rig.shown(*plan) == ClipRig::frames(0, 20));
  CHECK((*plan)->gaps.empty());
}

TEST_CASE("frames that are older than their chunk are in a clip from the begin") {
  for (const bool has_video : {true, false}) {
    CAPTURE(has_video);
    ClipRig rig;
    rig.has_audio = true;
    rig.has_video = has_video;
    // As of an MPEG-TS whose first frames were held back until its tracks were known.
    rig.behind = 5;
    rig.record(0, 20);
    const auto all = rig.plan(ClipRig::at(0), ClipRig::at(100));
    REQUIRE(all.has_value());
    CHECK((*all)->start == ClipRig::at(-5));
    CHECK(rig.shown(*all).starts_with(has_video ? "v0@0 v1@40 " : "a0@0 a1@21 "));
    const auto later = rig.plan(ClipRig::at(1), ClipRig::at(100));
    REQUIRE(later.has_value());
    CHECK(rig.shown(*later).starts_with(has_video ? "v6@0 v7@40 " : "a12@16 a13@37 "));
  }
}

TEST_CASE("a clip of a time of which nothing is recorded is an error") {
  ClipRig rig;
  CHECK(rig.plan(ClipRig::at(0), ClipRig::at(10)).error() == Errc::nothing_recorded);
  rig.record(0, 20);
  rig.record(50, 70, GapReason::stopped);
  CHECK(rig.plan(ClipRig::at(-20), ClipRig::at(-10)).error() == Errc::nothing_recorded);
  CHECK(rig.plan(ClipRig::at(25), ClipRig::at(45)).error() == Errc::nothing_recorded);
  CHECK(rig.plan(ClipRig::at(70), ClipRig::at(90)).error() == Errc::nothing_recorded);
}

TEST_CASE("a clip whose end was not recorded ends with what was") {
  ClipRig rig;
  rig.record(0, 20);
  rig.is_open = true;
  rig.record(20, 33);
  const auto plan = rig.plan(ClipRig::at(12), ClipRig::at(1000));
  REQUIRE(plan.has_value());
  CHECK(rig.shown(*plan) == ClipRig::frames(12, 33));
  CHECK((*plan)->end == ClipRig::at(33));
}

TEST_CASE("audio in a clip begins and ends with the pictures wherever it lies") {
  for (const int delay : {0, 1, 12}) {
    CAPTURE(delay);
    ClipRig rig;
    rig.has_audio = true;
    rig.audio_delay = delay;
    rig.record(0, 40);
    rig.record(40, 80);
    const auto plan = rig.plan(ClipRig::at(25), ClipRig::at(50));
    REQUIRE(plan.has_value());
    CHECK(rig.shown(*plan) == ClipRig::frames(25, 50));
    const std::string audio = rig.shown(*plan, 1);
    // 1 s from 1 s on: frames 47 to 93 of 1024 samples, the first 2.7 ms later.
    CHECK(audio.substr(0, 14) == "a47@3 a48@24 a");
    CHECK(audio.substr(audio.rfind(' ') + 1) == "a93@984");
    CHECK(std::ranges::count(audio, ' ') == 46);
  }
}

TEST_CASE("frames that are seen later than they are decoded begin one group earlier") {
  ClipRig rig;
  rig.has_b_frames = true;
  rig.record(0, 40);
  // When the sync frame 20 is decoded, 17 is seen: the last of its group.
  const auto plan = rig.plan(ClipRig::at(20), ClipRig::at(30));
  REQUIRE(plan.has_value());
  const std::string shown = rig.shown(*plan);
  CHECK(shown.substr(0, 5) == "v17@0");
  CHECK(shown.find("v20@40 ") != std::string::npos);
  CHECK((*plan)->pieces.size() == 20);
  // Nothing is before the first.
  const auto first = rig.plan(ClipRig::at(0), ClipRig::at(10));
  REQUIRE(first.has_value());
  CHECK(rig.shown(*first).substr(0, 4) == "v0@0");
}

TEST_CASE("a damaged chunk is left out of a clip with what needs it") {
  ClipRig rig;
  const Segment segment = rig.record(0, 40);
  const auto table = rig.store.table(segment);
  REQUIRE(table.has_value());
  change_byte(path_of(rig, segment), (*table)->chunks[14].offset + 60);
  const auto plan = rig.plan(ClipRig::at(0), ClipRig::at(40));
  REQUIRE(plan.has_value());
  CHECK(rig.shown(*plan) == ClipRig::frames(0, 14) + " " + ClipRig::frames(20, 40, 800));
  REQUIRE((*plan)->gaps.size() == 1);
  CHECK((*plan)->gaps[0].reason == GapReason::damaged);
  CHECK((*plan)->gaps[0].from == ClipRig::at(14));
  CHECK((*plan)->gaps[0].to == ClipRig::at(20));
}

TEST_CASE("a segment that is gone is a gap in a clip") {
  ClipRig rig;
  rig.record(0, 20);
  const Segment gone = rig.record(20, 40);
  rig.record(40, 60);
  SUBCASE("before its index was read") { std::filesystem::remove(path_of(rig, gone)); }
  SUBCASE("behind it") {
    REQUIRE(rig.store.table(gone).has_value());
    std::filesystem::remove(path_of(rig, gone));
  }
  const auto plan = rig.plan(ClipRig::at(10), ClipRig::at(50));
  REQUIRE(plan.has_value());
  CHECK(rig.shown(*plan) == ClipRig::frames(10, 20) + " " + ClipRig::frames(40, 50, 1200));
  REQUIRE((*plan)->gaps.size() == 1);
  CHECK((*plan)->gaps[0].reason == GapReason::damaged);
}

TEST_CASE("other parameters of a track are another description of its samples") {
  ClipRig rig;
  rig.record(0, 20);
  rig.tracks[0].width = 640;
  rig.tracks[0].config.back() = std::byte{7};
  rig.record(20, 40);
  const auto plan = rig.plan(ClipRig::at(0), ClipRig::at(40));
  REQUIRE(plan.has_value());
  CHECK(rig.shown(*plan) == ClipRig::frames(0, 40));
  const auto movie = ::test::read_whole_movie((*plan)->head);
  CHECK(movie.tracks.at(0).entries.size() == 2);
  CHECK(movie.tracks[0].samples.at(19).description == 1);
  CHECK(movie.tracks[0].samples.at(20).description == 2);
}

TEST_CASE("another codec is another track of a clip and what MP4 cannot hold is told") {
  ClipRig rig;
  rig.record(0, 20);
  rig.tracks[0] = ::test::h265_track();
  rig.tracks.push_back(::test::vp9_without_config());
  rig.record(20, 40);
  const auto plan = rig.plan(ClipRig::at(0), ClipRig::at(40));
  REQUIRE(plan.has_value());
  CHECK(rig.shown(*plan) == ClipRig::frames(0, 20));
  CHECK(rig.shown(*plan, 1) == ClipRig::frames(20, 40, 800));
  CHECK((*plan)->missing == "video/vp9");
  rig.tracks = {::test::vp9_without_config()};
  rig.record(40, 60);
  CHECK(rig.plan(ClipRig::at(40), ClipRig::at(60)).error() == Errc::nothing_fits);
}

TEST_CASE("where the clock of the log begins anew a clip goes by UTC") {
  ClipRig rig;
  rig.record(0, 20);
  rig.epoch = ::test::F;
  rig.log_begin = 900'000 - 50 * ClipRig::frame;
  rig.record(50, 70, GapReason::restart);
  const auto plan = rig.plan(ClipRig::at(0), ClipRig::at(60));
  REQUIRE(plan.has_value());
  CHECK(rig.shown(*plan) == ClipRig::frames(0, 20) + " " + ClipRig::frames(50, 60, 2000));
}

TEST_CASE("times of a clip never go back") {
  ClipRig rig;
  rig.has_audio = true;
  rig.record(0, 20);
  // Another publisher, whose clock is 40 ms behind.
  rig.epoch = ::test::F;
  rig.log_begin -= ClipRig::frame;
  rig.record(20, 40, GapReason::publisher);
  const auto plan = rig.plan(ClipRig::at(0), ClipRig::at(40));
  REQUIRE(plan.has_value());
  const auto movie = ::test::read_whole_movie((*plan)->head);
  for (const auto& track : movie.tracks) {
    for (std::size_t index = 0; index + 1 < track.samples.size(); ++index) {
      CHECK(track.samples[index].duration > 0);
    }
  }
}

TEST_CASE("a clip with too many frames is an error") {
  ClipRig rig;
  rig.record(0, 100);
  CHECK(rig.plan(ClipRig::at(0), ClipRig::at(100), 2000).error() == Errc::clip_too_large);
}

TEST_CASE("segments are held while there is a plan") {
  ClipRig rig;
  const Segment first = rig.record(0, 20);
  const Segment second = rig.record(20, 40);
  rig.record(40, 60);
  const Segment last = rig.record(60, 80);
  {
    const auto plan = rig.plan(ClipRig::at(0), ClipRig::at(30));
    REQUIRE(plan.has_value());
    CHECK(rig.store.is_held(first.id));
    CHECK(rig.store.is_held(second.id));
    CHECK_FALSE(rig.store.is_held(last.id));
    CHECK(rig.memory.load() == (*plan)->memory_bytes());
  }
  CHECK_FALSE(rig.store.is_held(first.id));
  CHECK_FALSE(rig.store.is_held(second.id));
  CHECK(rig.memory.load() == 0);
}

TEST_CASE("equal clips have the same tag and others another") {
  ClipRig rig;
  rig.record(0, 40);
  const auto one = rig.plan(ClipRig::at(0), ClipRig::at(30));
  const auto again = rig.plan(ClipRig::at(0), ClipRig::at(30));
  const auto longer = rig.plan(ClipRig::at(0), ClipRig::at(31));
  const auto later = rig.plan(ClipRig::at(1), ClipRig::at(30));
  CHECK((*one)->etag == (*again)->etag);
  CHECK((*one)->etag != (*longer)->etag);
  CHECK((*one)->etag != (*later)->etag);
}

}  // namespace disk

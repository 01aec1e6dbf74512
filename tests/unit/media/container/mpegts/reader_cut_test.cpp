// Where pieces are cut, and what they say.
#include <doctest/doctest.h>

#include "tests/unit/media/container/mpegts/reader_rig.hpp"
#include "tests/unit/test_cuts.hpp"

using namespace std::chrono_literals;
using test::PacketBuilder;
using test::ReaderRig;
using Sizes = std::vector<std::size_t>;

namespace {

constexpr unsigned video = 256;
constexpr unsigned audio = 257;

// Tables and a sync frame of four packets.
PacketBuilder with_first_frame() {
  PacketBuilder out;
  out.tables({{0x1B, video}, {0x0F, audio}});
  out.pes({.pid = video, .packets = 4, .head = test::idr_slice(), .pts = 9000, .dts = 6000});
  return out;
}
PacketBuilder::Pes frame(std::uint64_t dts) {
  return {.pid = video, .packets = 3, .head = test::other_slice(), .pts = dts};
}
PacketBuilder::Pes sound(std::uint64_t pts) {
  return {.pid = audio, .packets = 1, .pts = pts, .has_length = true};
}
PacketBuilder audio_only() {
  PacketBuilder out;
  out.tables({{0x0F, audio}});
  return out;
}

}  // namespace

TEST_CASE("a piece ends with a frame and says what is in it") {
  auto out = with_first_frame();
  out.pes(sound(6000));
  out.pes(frame(9600));
  ReaderRig rig;
  CHECK(rig.feed(out.bytes()));
  REQUIRE(rig.sizes() == Sizes{6, 4});
  CHECK(rig.pieces[0].sync);
  CHECK(rig.pieces[0].dts == 6000);
  CHECK(rig.pieces[0].video_frames == 1);
  CHECK(rig.pieces[0].audio_frames == 0);
  CHECK(!rig.pieces[1].sync);
  CHECK(rig.pieces[1].dts == 9600);
  CHECK(rig.pieces[1].audio_frames == 1);
  CHECK(rig.reader.counters().ended_by_stuffing == 2);
  CHECK(!rig.reader.deadline());
  REQUIRE(rig.reader.tracks().size() == 2);
  CHECK(rig.reader.tracks()[0].frames == 2);
  CHECK(rig.reader.tracks()[1].frames == 1);
}

TEST_CASE("pieces are the same wherever the network cuts the stream") {
  auto out = with_first_frame();
  out.pes(sound(6000));
  out.pes({.pid = video, .packets = 2, .head = test::other_slice(), .is_stuffed = false});
  out.pes(frame(9600));
  test::at_every_cut(out.bytes(), [&](memory::Window head, memory::Window tail) {
    ReaderRig rig(64 << 10, 4 << 10);
    CHECK(rig.feed(head));
    CHECK(rig.feed(tail));
    rig.finish();
    REQUIRE(rig.sizes() == Sizes{6, 3, 3});
    CHECK(rig.pieces[0].sync);
    CHECK(test::gather(rig.pieces) == out.bytes());
  });
  // In the arena windows merge: one for each piece in each block.
  ReaderRig rig;
  CHECK(rig.feed(out.bytes(), 1));
  rig.finish();
  REQUIRE(rig.sizes() == Sizes{6, 3, 3});
  for (const auto& piece : rig.pieces) CHECK(piece.bytes.count() == 1);
}

TEST_CASE("a frame ends where its length says") {
  PacketBuilder out;
  out.tables({{0x1B, video}});
  out.pes({.pid = video,
           .packets = 3,
           .head = test::idr_slice(),
           .has_length = true,
           .is_stuffed = false});
  ReaderRig rig;
  CHECK(rig.feed(out.bytes()));
  CHECK(rig.sizes() == Sizes{5});
  CHECK(rig.reader.counters().ended_by_length == 1);
}

TEST_CASE("a frame that fills its packets ends where the next begins") {
  auto out = with_first_frame();
  out.pes({.pid = video, .packets = 3, .head = test::other_slice(), .is_stuffed = false});
  out.pes(sound(6000));
  out.pes({.pid = video, .packets = 3, .head = test::idr_slice(), .is_stuffed = false});
  ReaderRig rig;
  CHECK(rig.feed(out.bytes()));
  REQUIRE(rig.sizes() == Sizes{6, 4});
  CHECK(rig.reader.counters().ended_by_start == 1);
  rig.finish();
  REQUIRE(rig.sizes() == Sizes{6, 4, 3});
  CHECK(rig.pieces[2].sync);
}

TEST_CASE("a PID that stuffs inside frames is cut at unit starts from then on") {
  auto out = with_first_frame();
  const test::Bytes half(100, std::byte{0x55});
  out.packet(video, false, half);  // goes on behind stuffing
  out.pes(frame(9600));
  out.pes(frame(13'200));
  ReaderRig rig;
  CHECK(rig.feed(out.bytes()));
  rig.finish();
  CHECK(rig.sizes() == Sizes{6, 1, 3, 3});
  CHECK(rig.reader.counters().video_frames == 3);
  CHECK(rig.reader.counters().ended_by_stuffing == 1);
}

TEST_CASE("a packet without payload and one that is repeated end nothing") {
  PacketBuilder out;
  out.tables({{0x1B, video}});
  out.pes({.pid = video, .packets = 2, .head = test::idr_slice(), .is_stuffed = false});
  out.adaptation_only(video);
  out.pes(frame(9600));
  out.repeat_last();
  out.pes(frame(13'200));
  ReaderRig rig;
  CHECK(rig.feed(out.bytes()));
  CHECK(rig.sizes() == Sizes{5, 3, 4});
  CHECK(rig.reader.counters().continuity_errors == 0);
}

TEST_CASE("silence cuts a frame whose end nothing tells and it stays one frame") {
  PacketBuilder out;
  out.tables({{0x1B, video}});
  out.pes({.pid = video, .packets = 9, .head = test::idr_slice(), .dts = 6000});
  const auto bytes = std::span(out.bytes());
  ReaderRig rig;
  CHECK(rig.feed(bytes.first(188 * 6)));
  CHECK(rig.reader.deadline() == rig.now + 10ms);
  rig.pass(9ms);
  CHECK(rig.pieces.empty());
  rig.pass(1ms);
  REQUIRE(rig.sizes() == Sizes{6});
  CHECK(rig.pieces[0].sync);
  CHECK(rig.pieces[0].video_frames == 1);
  CHECK(rig.feed(bytes.subspan(188 * 6)));
  REQUIRE(rig.sizes() == Sizes{6, 5});
  CHECK(!rig.pieces[1].sync);
  CHECK(!rig.pieces[0].continues_frame);
  CHECK(rig.pieces[1].continues_frame);
  CHECK(rig.pieces[1].video_frames == 0);
  CHECK(rig.pieces[1].dts == rig.pieces[0].dts);
}

TEST_CASE("silence waits longer while nobody knows whether a sync frame began") {
  PacketBuilder out;
  out.tables({{0x1B, video}});
  out.pes({.pid = video, .packets = 1, .head = test::parameter_sets(), .pts = 5});
  // What belongs to the frame came in a unit of its own.
  out.pes({.pid = video, .packets = 2, .head = test::idr_slice(), .pts = 5});
  const auto bytes = std::span(out.bytes());
  SUBCASE("the picture comes") {
    ReaderRig rig;
    CHECK(rig.feed(bytes.first(188 * 3)));
    rig.pass(999ms);
    CHECK(rig.pieces.empty());
    CHECK(rig.feed(bytes.subspan(188 * 3)));
    REQUIRE(rig.sizes() == Sizes{5});
    CHECK(rig.pieces[0].sync);
    CHECK(rig.pieces[0].video_frames == 1);
  }
  SUBCASE("the picture comes too late") {
    ReaderRig rig;
    CHECK(rig.feed(bytes.first(188 * 3)));
    rig.pass(1000ms);
    REQUIRE(rig.sizes() == Sizes{3});
    CHECK(!rig.pieces[0].sync);
  }
  SUBCASE("audio waits with it and no longer than it may") {
    auto heard = with_first_frame();
    ReaderRig rig;
    CHECK(rig.feed(heard.take()));
    const auto before = rig.pieces.size();
    heard.pes(sound(6000));
    heard.pes({.pid = video, .packets = 1, .head = test::parameter_sets(), .pts = 9000});
    CHECK(rig.feed(heard.take()));
    rig.pass(59ms);
    CHECK(rig.pieces.size() == before);
    rig.pass(1ms);
    REQUIRE(rig.pieces.size() == before + 1);
    CHECK(rig.pieces.back().audio_frames == 1);
    CHECK(!rig.pieces.back().sync);
  }
}

TEST_CASE("audio rides with video and waits at most 50 ms") {
  auto out = with_first_frame();
  ReaderRig rig;
  CHECK(rig.feed(out.take()));
  out.pes(sound(6000));
  CHECK(rig.feed(out.take()));
  rig.pass(30ms);
  out.pes(sound(7920));
  CHECK(rig.feed(out.take()));
  rig.pass(19ms);
  CHECK(rig.sizes() == Sizes{6});
  rig.pass(1ms);
  REQUIRE(rig.sizes() == Sizes{6, 2});
  CHECK(!rig.pieces[1].sync);
  CHECK(rig.pieces[1].audio_frames == 2);
  CHECK(rig.pieces[1].dts == rig.pieces[0].dts);
}

TEST_CASE("audio behind a slow frame is not held back by it") {
  auto out = with_first_frame();
  ReaderRig rig;
  CHECK(rig.feed(out.take()));
  out.pes(sound(6000));
  out.pes({.pid = video, .packets = 40, .head = test::other_slice()});
  const auto bytes = std::span(out.bytes());
  for (std::size_t at = 0; at < bytes.size(); at += 188) {
    CHECK(rig.feed(bytes.subspan(at, 188)));
    rig.pass(5ms);
  }
  CHECK(rig.sizes() == Sizes{6, 10, 31});
  CHECK(rig.reader.counters().video_frames == 2);
}

TEST_CASE("audio leads when video has paused and viewers begin at it only when video is gone") {
  auto out = with_first_frame();
  ReaderRig rig;
  CHECK(rig.feed(out.take()));
  rig.pass(501ms);
  out.pes(sound(60'000));
  CHECK(rig.feed(out.take()));
  REQUIRE(rig.sizes() == Sizes{6, 1});
  CHECK(!rig.pieces[1].sync);
  CHECK(rig.pieces[1].dts == 60'000);
  rig.pass(10s);
  out.pes(sound(900'000));
  CHECK(rig.feed(out.take()));
  REQUIRE(rig.sizes() == Sizes{6, 1, 1});
  CHECK(rig.pieces[2].sync);
  out.pes(sound(902'000));
  out.pes(frame(950'000));
  out.pes(sound(904'000));
  CHECK(rig.feed(out.take()));
  CHECK(rig.sizes() == Sizes{6, 1, 1, 1, 3});
}

TEST_CASE("audio alone is cut at every frame and all its pieces are sync pieces") {
  auto out = audio_only();
  for (std::uint64_t index = 0; index < 5; ++index) out.pes(sound(1920 * index));
  out.pes({.pid = audio, .packets = 2, .pts = 9600, .is_stuffed = false});
  out.pes({.pid = audio, .packets = 2, .pts = 11'520, .is_stuffed = false});
  ReaderRig rig;
  CHECK(rig.feed(out.bytes()));
  CHECK(rig.sizes() == Sizes{3, 1, 1, 1, 1, 2});
  for (const auto& piece : rig.pieces) {
    CHECK(piece.sync);
    CHECK(piece.audio_frames == 1);
  }
  CHECK(rig.pieces[4].dts == 7680);
  rig.pass(10ms);  // the last one has no length
  CHECK(rig.sizes() == Sizes{3, 1, 1, 1, 1, 2, 2});
}

TEST_CASE("a frame without timestamps has none") {
  PacketBuilder out;
  out.tables({{0x1B, video}});
  out.pes({.pid = video, .packets = 2, .head = test::idr_slice()});
  ReaderRig rig;
  CHECK(rig.feed(out.bytes()));
  REQUIRE(rig.pieces.size() == 1);
  CHECK(!rig.pieces[0].dts);
}

TEST_CASE("of a codec we cannot parse random access is a sync frame") {
  PacketBuilder out;
  out.tables({{0x02, video}});
  out.pes({.pid = video, .packets = 2, .has_random_access = true});
  out.pes({.pid = video, .packets = 2});
  ReaderRig rig;
  CHECK(rig.feed(out.bytes()));
  REQUIRE(rig.sizes() == Sizes{4, 2});
  CHECK(rig.pieces[0].sync);
  CHECK(!rig.pieces[1].sync);
}

TEST_CASE("the first program with video is the reference and others pass through") {
  PacketBuilder out;
  out.pat({{1, 0x100}, {2, 0x200}});
  out.pmt(0x100, 1, {{0x0F, 0x101}});
  out.pes({.pid = 0x101, .packets = 1, .has_length = true});
  out.pmt(0x200, 2, {{0x1B, 0x201}});
  out.pes({.pid = 0x201, .packets = 2, .head = test::idr_slice()});
  out.pes({.pid = 0x101, .packets = 1, .has_length = true});
  out.pes({.pid = 0x201, .packets = 2, .head = test::other_slice()});
  ReaderRig rig;
  CHECK(rig.feed(out.bytes()));
  CHECK(rig.sizes() == Sizes{3, 3, 3});
  REQUIRE(rig.reader.tracks().size() == 1);
  CHECK(rig.reader.tracks()[0].id == 0x201);
  CHECK(test::gather(rig.pieces) == out.bytes());
}

TEST_CASE("a new PMT replaces the tracks and keeps what is known of those that stay") {
  auto out = with_first_frame();
  ReaderRig rig;
  CHECK(rig.feed(out.take()));
  const auto version = rig.reader.tracks_version();
  out.tables({{0x1B, video}, {0x0F, audio}});
  CHECK(rig.feed(out.take()));
  CHECK(rig.reader.tracks_version() == version);
  out.tables({{0x24, 300}, {0x1B, video}, {0x0F, audio}}, 1);
  out.pes({.pid = 300, .packets = 1});
  CHECK(rig.feed(out.take()));
  CHECK(rig.reader.tracks_version() > version);
  REQUIRE(rig.reader.tracks().size() == 3);
  CHECK(rig.reader.tracks()[0].codec == media::Codec::h265);
  CHECK(rig.reader.tracks()[1].frames == 1);
}

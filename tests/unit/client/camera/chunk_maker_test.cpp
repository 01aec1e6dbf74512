#include "client/camera/chunk_maker.hpp"

#include <doctest/doctest.h>

namespace client::camera {
namespace {

using std::chrono::milliseconds;

const base::Time start{};

base::Utc utc(int ms) { return base::Utc(milliseconds(ms)); }

Frame make(unsigned track, int ms, bool sync = true, std::size_t size = 10) {
  Frame frame;
  frame.track = track;
  frame.sync = sync;
  frame.dts = frame.pts = ms;
  frame.utc = utc(ms);
  frame.payload.resize(size);
  return frame;
}

ChunkMaker with(std::initializer_list<media::Kind> kinds) {
  std::vector<media::Track> tracks;
  for (const media::Kind kind : kinds) tracks.emplace_back().kind = kind;
  ChunkMaker maker;
  maker.set_tracks(tracks);
  return maker;
}

std::vector<std::int64_t> times(const Chunk& chunk) {
  std::vector<std::int64_t> found;
  for (const Frame& frame : chunk.frames) found.push_back(frame.dts);
  return found;
}

using Times = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("audio rides with the video that comes after it") {
  auto maker = with({media::Kind::video, media::Kind::audio});
  maker.add(make(1, 1), start);
  maker.add(make(1, 2), start);
  CHECK_FALSE(maker.poll());
  maker.add(make(0, 3), start);
  auto chunk = maker.poll();
  REQUIRE(chunk);
  CHECK(times(*chunk) == Times{3, 1, 2});
  CHECK(chunk->sync);
  CHECK(chunk->utc == utc(3));
  CHECK_FALSE(maker.poll());
  maker.add(make(0, 4, false), start);
  chunk = maker.poll();
  REQUIRE(chunk);
  CHECK_FALSE(chunk->sync);
  CHECK_FALSE(maker.deadline());
}

TEST_CASE("audio waits for video no longer than it may") {
  auto maker = with({media::Kind::video, media::Kind::audio});
  maker.add(make(0, 0), start);
  REQUIRE(maker.poll());
  maker.add(make(1, 1), start + milliseconds(10));
  maker.add(make(1, 2), start + milliseconds(30));
  REQUIRE(maker.deadline());
  CHECK(*maker.deadline() == start + milliseconds(60));
  maker.on_time(start + milliseconds(59));
  CHECK_FALSE(maker.poll());
  maker.on_time(start + milliseconds(60));
  const auto chunk = maker.poll();
  REQUIRE(chunk);
  CHECK(times(*chunk) == Times{1, 2});
  CHECK_FALSE(chunk->sync);
  CHECK_FALSE(maker.deadline());
}

TEST_CASE("without video every audio frame is a chunk that a player may begin with") {
  auto maker = with({media::Kind::audio});
  maker.add(make(0, 1), start);
  maker.add(make(0, 2), start);
  for (const std::int64_t time : {1, 2}) {
    const auto chunk = maker.poll();
    REQUIRE(chunk);
    CHECK(times(*chunk) == Times{time});
    CHECK(chunk->sync);
  }
}

TEST_CASE("the first chunk is one that a decoder can begin with and has the audio before it") {
  auto maker = with({media::Kind::video, media::Kind::audio});
  maker.add(make(1, 1), start);
  maker.add(make(0, 2, false), start);
  CHECK_FALSE(maker.deadline());
  maker.on_time(start + milliseconds(500));
  CHECK_FALSE(maker.poll());
  maker.add(make(1, 3), start);
  maker.add(make(0, 4), start);
  const auto chunk = maker.poll();
  REQUIRE(chunk);
  CHECK(times(*chunk) == Times{4, 1, 3});
}

TEST_CASE("the UTC of chunks never goes back") {
  auto maker = with({media::Kind::video, media::Kind::audio});
  maker.add(make(0, 100), start);
  maker.add(make(1, 80), start);
  maker.on_time(start + milliseconds(50));
  maker.add(make(0, 133), start);
  std::vector<base::Utc> found;
  while (const auto chunk = maker.poll()) found.push_back(chunk->utc);
  CHECK(found == std::vector{utc(100), utc(100), utc(133)});
}

TEST_CASE("audio that waits is bounded in frames and in bytes") {
  auto maker = with({media::Kind::video, media::Kind::audio});
  for (std::size_t index = 0; index < 2 * ChunkMaker::frames_max; ++index) {
    maker.add(make(1, static_cast<int>(index)), start);  // before the first picture
  }
  maker.add(make(0, 0), start);
  auto chunk = maker.poll();
  REQUIRE(chunk);
  CHECK(chunk->frames.size() <= ChunkMaker::frames_max);
  CHECK(chunk->frames.back().dts == 2 * ChunkMaker::frames_max - 1);  // the oldest went
  maker.add(make(1, 0, true, ChunkMaker::audio_bytes_max), start);
  chunk = maker.poll();
  REQUIRE(chunk);
  CHECK(chunk->frames.size() == 1);
}

TEST_CASE("what waits leaves when the tracks change and at the end") {
  auto maker = with({media::Kind::video, media::Kind::audio});
  maker.add(make(0, 0), start);
  maker.add(make(1, 1), start);
  maker.set_tracks(std::vector<media::Track>(1));
  maker.poll();
  auto chunk = maker.poll();
  REQUIRE(chunk);
  CHECK(times(*chunk) == Times{1});
  auto other = with({media::Kind::video, media::Kind::audio});
  other.add(make(0, 0), start);
  other.poll();
  other.add(make(1, 2), start);
  other.finish();
  CHECK(other.poll());
}

TEST_CASE("after an interruption it begins anew with a sync frame") {
  auto maker = with({media::Kind::video, media::Kind::audio});
  maker.add(make(0, 0), start);
  maker.add(make(1, 1), start);
  CHECK(maker.poll());
  maker.interrupt();
  auto chunk = maker.poll();  // what waited has left
  REQUIRE(chunk);
  CHECK(times(*chunk) == Times{1});
  maker.add(make(1, 500), start);
  maker.add(make(0, 501, false), start);
  maker.on_time(start + ChunkMaker::wait_max);
  CHECK_FALSE(maker.poll());
  maker.add(make(0, 541), start);
  chunk = maker.poll();
  REQUIRE(chunk);
  CHECK(chunk->sync);
  CHECK(times(*chunk) == Times{541, 500});
}

}  // namespace client::camera

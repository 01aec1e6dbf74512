#include "relay/stream/chunk.hpp"

#include "tests/unit/stream/chunk_maker.hpp"

namespace stream {

TEST_CASE("media time and durations convert exactly in ticks of 90 kHz") {
  CHECK(to_media_time(std::chrono::seconds(15)) == 15 * media_ticks_per_second);
  CHECK(to_media_time(std::chrono::milliseconds(40)) == 3600);
  CHECK(to_duration(3600) == std::chrono::milliseconds(40));
  CHECK(to_duration(to_media_time(std::chrono::hours(1000))) == std::chrono::hours(1000));
}

TEST_CASE("a parcel carries a chunk to another pool with all its numbers and images") {
  test::ChunkMaker maker;
  memory::BlockPool there(maker.arena);
  Chunk chunk = maker.make(7, {true, 10'000, 300, std::chrono::milliseconds(40), true});
  chunk.utc = base::Utc(std::chrono::seconds(5));
  chunk.received = base::Time(std::chrono::seconds(6));
  chunk.segment = 8;
  chunk.part = 9;
  chunk.discontinuity = 10;
  chunk.video_frames = 1;
  chunk.audio_frames = 2;
  const std::string bytes = test::to_text(chunk.bytes);
  const std::string start = test::to_text(chunk.join->start);
  const std::string skip = test::to_text(chunk.join->skip);
  const std::size_t windows = chunk.bytes.count();
  std::optional<ChunkParcel> parcel(chunk);
  chunk = {};
  maker.writer.let_go();
  CHECK(maker.pool.held_count() == 0);
  {
    const Chunk arrived = parcel->open(there);
    parcel.reset();
    CHECK(arrived.sequence == 7);
    CHECK(arrived.utc == base::Utc(std::chrono::seconds(5)));
    CHECK(arrived.time == 900'000 + 3600);
    CHECK(arrived.received == base::Time(std::chrono::seconds(6)));
    CHECK(arrived.segment == 8);
    CHECK(arrived.part == 9);
    CHECK(arrived.discontinuity == 10);
    CHECK(arrived.sync);
    CHECK(arrived.video_frames == 1);
    CHECK(arrived.audio_frames == 2);
    CHECK(test::to_text(arrived.bytes) == bytes);
    CHECK(arrived.bytes.count() == windows);
    REQUIRE(arrived.join);
    CHECK(test::to_text(arrived.join->start) == start);
    CHECK(test::to_text(arrived.join->skip) == skip);
    CHECK(there.held_count() > 0);
  }
  CHECK(there.held_count() == 0);
}

TEST_CASE("a parcel carries samples each with its payload") {
  test::ChunkMaker maker;
  memory::BlockPool there(maker.arena);
  Chunk chunk;
  chunk.container = media::Container::fmp4;
  chunk.stamp_offset = 77;
  chunk.position = {11, 12};
  chunk.gap = wire::GapReason::memory;
  chunk.checksum = 13;
  chunk.wire_offset = -14;
  chunk.wire_tracks = std::make_shared<const wire::Tracks>(wire::Tracks{3, {}});
  chunk.generation = 3;
  chunk.tracks = std::make_shared<const media::TrackSet>(media::TrackSet{{{}, {}}, 5});
  chunk.samples.push_back({0, true, 10, 20, 30, maker.write(1000, 300)});
  chunk.samples.push_back({1, false, -1, -2, 0, {}});
  chunk.samples.push_back({1, true, 1, 2, 3, maker.write(5, 1)});
  CHECK(chunk.payload_bytes() == 1005);
  const Chunk arrived = ChunkParcel(chunk).open(there);
  CHECK(arrived.container == media::Container::fmp4);
  CHECK(arrived.tracks == chunk.tracks);
  CHECK(arrived.stamp_offset == 77);
  CHECK(arrived.position == wire::Position{11, 12});
  CHECK(arrived.gap == wire::GapReason::memory);
  CHECK(arrived.checksum == 13);
  CHECK(arrived.wire_offset == -14);
  CHECK(arrived.wire_tracks == chunk.wire_tracks);
  CHECK(arrived.generation == 3);
  CHECK(arrived.payload_bytes() == 1005);
  REQUIRE(arrived.samples.size() == 3);
  for (std::size_t index = 0; index < 3; ++index) {
    const media::Sample& sent = chunk.samples[index];
    const media::Sample& got = arrived.samples[index];
    CHECK(got.track == sent.track);
    CHECK(got.sync == sent.sync);
    CHECK(got.dts == sent.dts);
    CHECK(got.pts == sent.pts);
    CHECK(got.duration == sent.duration);
    CHECK(test::to_text(got.payload) == test::to_text(sent.payload));
  }
}

TEST_CASE("a parcel of a chunk without join images or bytes brings none") {
  test::ChunkMaker maker;
  const Chunk chunk = maker.make(1, {false, 0});
  const Chunk arrived = ChunkParcel(chunk).open(maker.pool);
  CHECK_FALSE(arrived.join);
  CHECK(arrived.bytes.empty());
  CHECK_FALSE(arrived.sync);
}

TEST_CASE("a parcel that nobody opens gives its blocks back") {
  test::ChunkMaker maker;
  { const ChunkParcel parcel(maker.make(1, {true, 50'000, 4096, {}, true})); }
  maker.writer.let_go();
  maker.pool.give_back_ready();
  CHECK(maker.pool.held_count() == 0);
  CHECK(maker.arena.free_count() == maker.arena.block_count());
}

}  // namespace stream

#include "relay/session/ts_ingest.hpp"

#include "relay/media/container/mpegts/sample_reader.hpp"
#include "tests/unit/session/ingest_rig.hpp"

namespace session {
namespace {

using test::IngestRig;
constexpr std::int64_t second = media::Timeline::ticks_per_second;

// The dts of all video samples, in log time, as whoever converts the chunks finds them.
std::vector<std::int64_t> video_times(IngestRig& rig, std::uint64_t from = 0) {
  mpegts::SampleReader reader(rig.pool);
  std::vector<std::int64_t> times;
  for (const stream::Chunk* chunk : rig.chunks(from)) {
    REQUIRE(reader.feed(chunk->bytes, {chunk->stamp_offset, chunk->time}, chunk->is_frame_open));
    while (const auto sample = reader.poll()) {
      if (reader.tracks()[sample->track].kind == media::Kind::video) times.push_back(sample->dts);
    }
  }
  return times;
}

// What the packets themselves say, without the log's help.
std::vector<std::int64_t> stamps(IngestRig& rig, std::uint64_t from, std::int64_t near) {
  mpegts::SampleReader reader(rig.pool);
  std::vector<std::int64_t> times;
  for (const stream::Chunk* chunk : rig.chunks(from)) {
    REQUIRE(reader.feed(chunk->bytes, {0, near}, chunk->is_frame_open));
    while (const auto sample = reader.poll()) {
      if (reader.tracks()[sample->track].kind == media::Kind::video) times.push_back(sample->dts);
    }
  }
  return times;
}

std::string bytes(IngestRig& rig, std::uint64_t from = 0) {
  std::string text;
  for (const stream::Chunk* chunk : rig.chunks(from)) text += test::to_text(chunk->bytes);
  return text;
}

}  // namespace

TEST_CASE("the first publisher's packets stay as they came and the log begins at ten seconds") {
  IngestRig rig;
  rig.publish("ts/h264_aac.ts");
  CHECK(IngestRig::file("ts/h264_aac.ts").ends_with(bytes(rig)));
  const auto times = video_times(rig);
  REQUIRE(times.size() > 10);
  CHECK(times[0] == 10 * second);
  CHECK(std::ranges::is_sorted(times, std::less_equal<>()));
  for (const stream::Chunk* chunk : rig.chunks()) {
    CHECK(chunk->container == media::Container::mpegts);
    REQUIRE(chunk->tracks);
    CHECK(chunk->tracks->tracks.size() == 2);
  }
  CHECK(rig.log().at(0).sync);
}

TEST_CASE("the clock in the packets of a publisher that goes on is moved") {
  IngestRig rig;
  rig.publish("ts/h264_aac.ts");
  const std::uint64_t seam = rig.log().end();
  const std::int64_t last = video_times(rig).back();
  const std::int64_t first_stamp = stamps(rig, 0, 0)[0];
  rig.publish("ts/h264_aac.ts", std::chrono::seconds(20));
  const stream::Chunk& first = rig.log().at(seam);
  CHECK(first.sync);
  CHECK(first.discontinuity == rig.log().at(seam - 1).discontinuity + 1);
  CHECK_FALSE(first.join);  // its own bytes say all that who begins here must know
  CHECK(first.stamp_offset == rig.log().at(0).stamp_offset);
  const auto times = video_times(rig, seam);
  REQUIRE(times.size() > 10);
  CHECK(times[0] == 30 * second);
  CHECK(times[0] > last);
  // Log time and the packets' own say the same, over both.
  const auto moved = stamps(rig, seam, 30 * second);
  CHECK(moved[0] - first_stamp == 20 * second);
  CHECK(std::ranges::equal(times, moved, {}, {},
                           [&](std::int64_t stamp) { return stamp + first.stamp_offset; }));
  // Whoever reads on is told that counters jump, then gets the tables.
  CHECK((static_cast<unsigned char>(test::to_text(first.bytes)[5]) & 0x80) != 0);
}

TEST_CASE("tables that say something else get another version") {
  IngestRig rig;
  rig.publish("ts/h264_aac.ts");
  const auto first = *rig.home.tables;
  rig.publish("ts/h264_aac.ts", std::chrono::seconds(1));
  CHECK(rig.home.tables->version == first.version);
  CHECK(rig.home.tables->said == first.said);
  rig.publish("ts/h265_aac.ts", std::chrono::seconds(1));
  CHECK(rig.home.tables->version == (first.version + 1) % 32);
  CHECK(rig.log().newest().tracks->tables_version == rig.home.tables->version);
}

TEST_CASE("who goes on begins with a sync frame") {
  IngestRig rig;
  rig.publish("ts/h264_aac.ts");
  const std::uint64_t seam = rig.log().end();
  rig.publish("ts/h264_open_gop.ts", std::chrono::seconds(1));
  CHECK(rig.log().at(seam).sync);
  CHECK(rig.log().at(seam).video_frames == 1);
}

TEST_CASE("what was wrong with packets is counted") {
  using stream::InputFault;
  IngestRig good;
  good.publish("ts/h264_aac.ts");
  for (std::size_t index = 0; index < stream::input_fault_count; ++index) {
    CHECK(std::as_const(good.faults)[static_cast<InputFault>(index)] == 0);
  }
  const std::string file = IngestRig::file("ts/h264_aac.ts");
  IngestRig twice;  // the clock begins anew, but not so far that it is another
  twice.publish_bytes(media::Container::mpegts, file + file, 1400);
  CHECK(twice.faults[InputFault::bad_time] == 1);
  CHECK(twice.faults[InputFault::clock_jump] == 0);
  CHECK(twice.faults[InputFault::packets_lost] > 0);
  IngestRig cut;
  cut.publish_bytes(media::Container::mpegts, file.substr(0, file.size() - 50), 1400);
  CHECK(cut.faults[InputFault::cut] == 1);
  IngestRig lost;
  lost.lost_from = file.size() / 4;
  lost.lost_to = file.size() / 2;
  lost.publish_bytes(media::Container::mpegts, file, 188);
  CHECK(lost.faults[InputFault::input_lost] == 1);
}

TEST_CASE("who reads on over lost input is told that counters jump") {
  IngestRig rig;
  const std::string file = IngestRig::file("ts/h264_aac.ts");
  rig.lost_from = file.size() / 4;
  rig.lost_to = file.size() / 2;
  rig.publish_bytes(media::Container::mpegts, file, 188);
  REQUIRE(rig.log().newest().discontinuity > 0);
  mpegts::Reader reader(rig.pool);
  for (const stream::Chunk* chunk : rig.chunks()) {
    for (const memory::Window& window : chunk->bytes) REQUIRE(reader.feed(window, rig.now));
    while (reader.poll()) {
    }
  }
  CHECK(reader.counters().continuity_errors == 0);
}

}  // namespace session

#include "relay/disk/record_writer.hpp"

#include <algorithm>
#include <optional>

#include "relay/stream/wire_remuxer.hpp"
#include "tests/unit/disk/record_rig.hpp"
#include "tests/unit/media/container/mpegts/elementary.hpp"

namespace disk {
namespace {

using stream::Chunk;
using ::test::Body;
using ::test::ChunkMaker;
using ::test::E;
using ::test::read_back;
using ::test::Recording;
using ::test::told;
using ::test::WireRig;

/// The messages that a player over the wire gets of a log.
class Messages {
 public:
  explicit Messages(ChunkMaker& maker) : remuxer_(maker.pool) {}
  std::string of(const Chunk& source) {
    Chunk out = source.numbers();
    remuxer_.remux(source, out);
    return ::test::to_text(out.bytes);
  }

 private:
  stream::WireRemuxer remuxer_;
};

std::string told(const std::vector<Chunk>& chunks) {
  std::string text;
  for (const Chunk& chunk : chunks) text += ::test::told(chunk);
  return text;
}

/// What a player of the file gets.
std::vector<media::Sample> play(ChunkMaker& maker, const std::string& file) {
  fmp4::Reader reader(maker.pool);
  std::vector<media::Sample> samples;
  for (const memory::Window& window : ::test::put(maker, file)) {
    const auto fed = reader.feed(window);
    REQUIRE_MESSAGE(fed.has_value(), (fed ? "" : fed.error().message()));
    while (auto sample = reader.poll()) samples.push_back(std::move(*sample));
  }
  REQUIRE(reader.finish().has_value());
  while (auto sample = reader.poll()) samples.push_back(std::move(*sample));
  return samples;
}

media::Sample sample(ChunkMaker& maker, std::uint8_t track, std::int64_t dts, std::size_t bytes) {
  return {track, true, dts, dts, 0, maker.write(bytes, 4096)};
}

Chunk chunk_of(std::shared_ptr<const media::TrackSet> tracks, std::vector<media::Sample> samples,
               std::uint64_t sequence = 5) {
  Chunk chunk;
  chunk.sequence = sequence;
  chunk.position = {E, sequence};
  chunk.utc = WireRig::start_utc;
  chunk.time = 900'000;
  chunk.sync = true;
  chunk.container = media::Container::fmp4;
  chunk.tracks = std::move(tracks);
  chunk.samples = std::move(samples);
  return chunk;
}

std::shared_ptr<const media::TrackSet> tracks_of(std::vector<media::Track> tracks) {
  return std::make_shared<const media::TrackSet>(media::TrackSet{std::move(tracks), 0});
}

// Any bytes are a frame of it.
media::Track vp9_track() {
  return ::test::video_track(media::Codec::vp9, ::test::bytes_of({0, 10, 0x80, 1, 1, 1, 0, 0}));
}

const char* const bodies[] = {"fmp4/key.mp4",
                              "fmp4/every_frame.mp4",
                              "fmp4/cmaf.mp4",
                              "fmp4/edit_list.mp4",
                              "fmp4/negative_offsets.mp4",
                              "fmp4/one_fragment.mp4",
                              "fmp4/hvc1.mp4",
                              "fmp4/hev1.mp4",
                              "fmp4/av1_opus.mp4",
                              "fmp4/vp9_mp3.mp4",
                              "fmp4/three_audio.mp4",
                              "fmp4/gst_avc3.mp4",
                              "fmp4/av1_empty.mp4",
                              "fmp4/gst_avc1.mp4",
                              "ts/h264_aac.ts",
                              "ts/h264_open_gop.ts",
                              "ts/h265_aac.ts",
                              "ts/audio_only.ts",
                              "ts/two_audio.ts",
                              "ts/gst_h264_aac.ts",
                              "ts/wrap.ts",
                              "ts/h264_mbaff.ts",
                              "ts/h264_opus.ts",
                              "ts/mpeg2.ts"};

}  // namespace

TEST_CASE("what a camera said over the wire comes back as it was said") {
  for (const stream::MediaTime offset :
       {stream::MediaTime{0}, stream::MediaTime{-334'567}, stream::MediaTime{1'000'000'007}}) {
    WireRig rig;
    rig.wire_offset = offset;
    Recording recording(rig.maker.pool);
    std::vector<Chunk> source;
    for (std::uint64_t number = 1000; number < 1040; ++number) {
      if (number == 1020) rig.use_tracks(2);
      wire::Chunk chunk = rig.make({E, number}, number % 10 == 0, 3'000);
      chunk.segment = 7;
      chunk.part = static_cast<std::uint32_t>(number - 1000);
      chunk.discontinuity = 3;
      source.push_back(rig.to_log(chunk));
      recording.write(source.back());
    }
    REQUIRE(recording.files.size() == 2);
    Messages live(rig.maker);
    Messages past(rig.maker);
    std::size_t at = 0;
    RecordReader reader;
    for (const auto& file : recording.files) {
      for (const Chunk& chunk : read_back(rig.maker, reader, file)) {
        CHECK(told(chunk) == told(source[at]));
        CHECK(chunk.checksum == source[at].checksum);
        CHECK(*chunk.wire_tracks == *source[at].wire_tracks);
        CHECK(are_alike(*chunk.tracks, *source[at].tracks));
        CHECK(past.of(chunk) == live.of(source[at]));
        ++at;
      }
    }
    CHECK(at == source.size());
  }
}

TEST_CASE("what came as MP4 comes back as it was and a player of the file gets the same") {
  for (const std::string name : bodies) {
    if (!name.ends_with(".mp4")) continue;
    CAPTURE(name);
    ChunkMaker maker;
    Body body(maker, name);
    REQUIRE(body.chunks.size() > 10);
    Recording recording(maker.pool);
    for (const Chunk& chunk : body.chunks) recording.write(chunk);
    recording.close();
    Messages live(maker);
    Messages past(maker);
    std::size_t at = 0;
    for (const auto& file : recording.files) {
      const std::size_t begin = at;
      for (const Chunk& chunk : read_back(maker, file)) {
        REQUIRE(told(chunk) == told(body.chunks[at]));
        REQUIRE(are_alike(*chunk.tracks, *body.chunks[at].tracks));
        REQUIRE(past.of(chunk) == live.of(body.chunks[at]));
        ++at;
      }
      std::vector<std::string> shown;
      std::vector<std::string> played;
      for (std::size_t index = begin; index < at; ++index) {
        const Chunk& chunk = body.chunks[index];
        for (const media::Sample& one : chunk.samples) {
          if (!fmp4::can_write(chunk.tracks->tracks[one.track])) continue;
          shown.push_back(std::to_string(one.dts) + ::test::to_text(one.payload));
        }
      }
      for (const media::Sample& one : play(maker, file.bytes)) {
        played.push_back(std::to_string(one.dts) + ::test::to_text(one.payload));
      }
      std::ranges::sort(shown);
      std::ranges::sort(played);
      CHECK(played.size() == shown.size());
      CHECK((played == shown));
    }
    CHECK(at == body.chunks.size());
  }
}

TEST_CASE("what came as MPEG-TS is told to players over the wire as live") {
  for (const std::string name : bodies) {
    if (!name.ends_with(".ts")) continue;
    CAPTURE(name);
    ChunkMaker maker;
    Body body(maker, name);
    REQUIRE(body.chunks.size() > 10);
    Recording recording(maker.pool);
    for (const Chunk& chunk : body.chunks) recording.write(chunk);
    Messages live(maker);
    Messages past(maker);
    std::size_t at = 0;
    std::size_t samples = 0;
    RecordReader reader;
    for (const auto& file : recording.files) {
      for (const Chunk& chunk : read_back(maker, reader, file)) {
        const Chunk& source = body.chunks[at++];
        const std::string message = live.of(source);
        // Before its tracks are known nothing is told live.
        if (!message.empty()) {
          const std::string other = past.of(chunk);
          const bool is_same = other == message;
          REQUIRE(is_same);
        }
        CHECK(chunk.tracks->tables_version == (chunk.tracks->tracks.empty() ? 0 : 5));
        for (const media::Track& track : chunk.tracks->tracks) {
          CHECK(std::ranges::find(source.tracks->tracks, track.id, &media::Track::id) !=
                source.tracks->tracks.end());
        }
        CHECK(chunk.stamp_offset == source.stamp_offset);
        samples += chunk.samples.size();
      }
    }
    CHECK(at == body.chunks.size());
    CHECK((samples > 5) == (name != "ts/mpeg2.ts"));
  }
}

TEST_CASE("a chunk in which no frame ended is a box alone") {
  WireRig rig;
  Recording recording(rig.maker.pool);
  wire::Chunk empty;
  empty.position = {E, 1};
  empty.utc = WireRig::start_utc;
  empty.checksum = wire::checksum_of({});
  recording.write(rig.to_log(rig.make({E, 0}, true)));
  const ChunkEntry& entry = recording.write(rig.to_log(empty));
  CHECK(entry.bytes < 120);
  recording.write(rig.to_log(rig.make({E, 2})));
  const auto chunks = read_back(rig.maker, recording.files.at(0));
  REQUIRE(chunks.size() == 3);
  CHECK(chunks[1].samples.empty());
  CHECK(chunks[1].position == wire::Position{E, 1});
  CHECK(chunks[1].checksum == empty.checksum);
  CHECK(recording.files[0].record(1).find("moof") == std::string::npos);
}

TEST_CASE("a header takes less than 300 bytes and lies in one window") {
  ChunkMaker maker;
  Body body(maker, "fmp4/every_frame.mp4");
  RecordWriter writer(maker.pool);
  std::size_t headers = 0;
  std::size_t samples = 0;
  for (const Chunk& chunk : body.chunks) {
    auto record = writer.write(chunk);
    const std::size_t payload = chunk.payload_bytes();
    CHECK(record.bytes.bytes() - payload <= 240 + 20 * chunk.samples.size());
    headers += record.bytes.bytes() - payload;
    samples += chunk.samples.size();
    CHECK(record.bytes[record.bytes.count() - 1].data() != nullptr);
  }
  CHECK(headers < body.chunks.size() * 300);
  CHECK(samples > body.chunks.size());
  const std::size_t windows = writer.write(body.chunks[1]).bytes.count();
  std::size_t payload_windows = 0;
  for (const auto& one : body.chunks[1].samples) payload_windows += one.payload.count();
  CHECK(windows <= 2 + payload_windows);  // two where it lies at the end of a block
}

TEST_CASE("payload stays where it is") {
  ChunkMaker maker;
  const auto tracks = tracks_of({::test::aac_track()});
  const Chunk chunk = chunk_of(tracks, {sample(maker, 0, 480'000, 9'000)});
  RecordWriter writer(maker.pool);
  const auto record = writer.write(chunk);
  const auto& payload = chunk.samples[0].payload;
  REQUIRE(record.bytes.count() >= payload.count());
  const std::size_t from = record.bytes.count() - payload.count();
  for (std::size_t index = 0; index < payload.count(); ++index) {
    CHECK(record.bytes[from + index].data() == payload[index].data());
  }
}

TEST_CASE("a huge frame over many blocks comes back") {
  ChunkMaker maker;
  const auto tracks = tracks_of({::test::h264_track(), ::test::aac_track()});
  Recording recording(maker.pool);
  const Chunk chunk =
      chunk_of(tracks, {sample(maker, 1, 480'000, 300), sample(maker, 0, 900'000, 3'000'000)});
  recording.write(chunk);
  CHECK(told(read_back(maker, recording.files[0])) == told(chunk));
}

TEST_CASE("what MP4 cannot hold comes back and is not shown to players") {
  ChunkMaker maker;
  media::Track data;
  data.codec = media::Codec::unknown;
  data.id = 300;
  media::Track no_config = ::test::h264_track();  // not known yet
  no_config.config.clear();
  const auto tracks = tracks_of({data, ::test::aac_track(), no_config});
  Recording recording(maker.pool);
  const Chunk chunk =
      chunk_of(tracks, {sample(maker, 0, 5, 70), sample(maker, 1, 480'000, 300),
                        sample(maker, 2, 900'000, 100), sample(maker, 1, 481'024, 200)});
  recording.write(chunk);
  const Chunk only = chunk_of(tracks, {sample(maker, 0, 10, 80)}, 6);
  recording.write(only);
  const auto chunks = read_back(maker, recording.files[0]);
  CHECK(told(chunks) == told(chunk) + told(only));
  CHECK(chunks[0].tracks->tracks[0].id == 300);
  const auto shown = play(maker, recording.files[0].bytes);
  REQUIRE(shown.size() == 2);
  CHECK(::test::to_text(shown[1].payload) == ::test::to_text(chunk.samples[3].payload));
}

TEST_CASE("times that go back come back and players see none of that") {
  ChunkMaker maker;
  const auto tracks = tracks_of({vp9_track(), ::test::aac_track()});
  Recording recording(maker.pool);
  std::vector<Chunk> source;
  std::uint64_t sequence = 0;
  for (const std::int64_t at : {900'000, 903'000, 903'000, 902'000, 906'000, -7'000}) {
    source.push_back(chunk_of(
        tracks, {sample(maker, 1, at * 48 / 90, 50), sample(maker, 0, at, 60)}, ++sequence));
    recording.write(source.back());
  }
  CHECK(told(read_back(maker, recording.files[0])) == told(source));
  std::vector<std::int64_t> video;
  std::vector<std::int64_t> audio;
  for (const auto& one : play(maker, recording.files[0].bytes)) {
    (one.track == 0 ? video : audio).push_back(one.dts);
  }
  CHECK(video == std::vector<std::int64_t>{900'000, 903'000, 903'001, 903'002, 906'000});
  CHECK(audio == std::vector<std::int64_t>{480'000, 481'600, 483'200});
}

TEST_CASE("samples without bytes and with strange times come back") {
  ChunkMaker maker;
  const auto tracks = tracks_of({vp9_track(), ::test::aac_track()});
  constexpr std::int64_t far = std::int64_t{1} << 61;
  std::vector<media::Sample> samples{sample(maker, 0, 900'000, 60), sample(maker, 1, 480'000, 0),
                                     sample(maker, 1, 480'000, 5),  sample(maker, 0, far, 60),
                                     sample(maker, 1, -far, 0),     sample(maker, 1, 481'024, 0)};
  samples[0].pts = 900'000 - 7;
  samples[0].sync = false;
  samples[0].duration = 0xffffffff;
  samples[2].duration = 1024;
  samples[4].pts = far;
  Recording recording(maker.pool);
  const Chunk chunk = chunk_of(tracks, std::move(samples));
  recording.write(chunk);
  CHECK(told(read_back(maker, recording.files[0])) == told(chunk));
}

TEST_CASE("a segment begins where tracks are others and only there") {
  ChunkMaker maker;
  const auto record = [&maker](RecordWriter& writer,
                               std::shared_ptr<const media::TrackSet> tracks) {
    return writer.write(chunk_of(std::move(tracks), {sample(maker, 0, 900'000, 60)})).begins_anew;
  };
  RecordWriter writer(maker.pool);
  media::Track track = ::test::h264_track();
  CHECK(record(writer, tracks_of({track})));
  CHECK_FALSE(record(writer, tracks_of({track})));
  track.frames = 7;
  track.rate.on_interval(3000);
  CHECK_FALSE(record(writer, tracks_of({track})));
  track.width = 640;
  CHECK(record(writer, tracks_of({track})));
  CHECK(record(writer, tracks_of({track, ::test::aac_track()})));
  CHECK(record(writer, std::make_shared<const media::TrackSet>(media::TrackSet{{track}, 1})));
}

TEST_CASE("a chunk ends where its last frame does") {
  ChunkMaker maker;
  const auto tracks = tracks_of({vp9_track(), ::test::aac_track()});
  RecordWriter writer(maker.pool);
  const auto end = [&](stream::MediaTime time, std::vector<media::Sample> samples) {
    Chunk chunk = chunk_of(tracks, std::move(samples));
    chunk.time = time;
    return writer.write(chunk).end_time - time;
  };
  auto first = sample(maker, 0, 900'000, 60);
  CHECK(end(900'000, {first}) == 0);  // nothing is known yet
  CHECK(end(903'000, {sample(maker, 0, 903'000, 60), sample(maker, 1, 481'600, 6)}) == 3000);
  CHECK(end(906'600, {sample(maker, 0, 906'600, 60)}) == 3600);
  CHECK(end(906'600, {}) == 3600);
  auto with_duration = sample(maker, 0, 909'000, 60);
  with_duration.duration = 1500;
  CHECK(end(909'000, {with_duration}) == 1500);
  CHECK(end(909'000, {sample(maker, 1, 486'400, 6)}) == 12'000);
}

TEST_CASE("what there is no room for is lost and the next goes on") {
  ChunkMaker maker(64 << 10);
  const auto tracks = tracks_of({::test::aac_track()});
  Chunk chunk = chunk_of(tracks, {sample(maker, 0, 480'000, 100)});
  RecordWriter writer(maker.pool);
  std::vector<memory::BlockHold*> held;
  while (auto hold = maker.pool.take()) held.push_back(*hold);
  const auto lost = writer.write(chunk);
  CHECK(lost.is_lost);
  CHECK(lost.bytes.empty());
  for (memory::BlockHold* hold : held) memory::BlockPool::release(hold);
  const auto record = writer.write(chunk);
  CHECK_FALSE(record.is_lost);
  CHECK(record.begins_anew);
  // The same packets again and again are too many samples.
  while (chunk.samples.size() < record_samples_max) chunk.samples.push_back(chunk.samples[0]);
  ChunkMaker large;
  RecordWriter other(large.pool);
  const auto largest = other.write(chunk);
  CHECK_FALSE(largest.is_lost);
  chunk.samples.push_back(chunk.samples[0]);
  CHECK(other.write(chunk).is_lost);
}

TEST_CASE("as many samples as a record may have come back") {
  ChunkMaker maker;
  const auto tracks = tracks_of({vp9_track(), ::test::aac_track()});
  std::vector<media::Sample> samples;
  for (std::size_t index = 0; index < record_samples_max; ++index) {
    const auto at = static_cast<std::int64_t>(index);
    samples.push_back(index % 2 == 0 ? sample(maker, 0, at * 3000, 1)
                                     : sample(maker, 1, at * 1024 + at % 3, 2));
    samples.back().pts += at % 5;
  }
  const Chunk chunk = chunk_of(tracks, std::move(samples));
  Recording recording(maker.pool);
  recording.write(chunk);
  CHECK((told(read_back(maker, recording.files[0])) == told(chunk)));
  CHECK(play(maker, recording.files[0].bytes).size() == record_samples_max);
}

}  // namespace disk

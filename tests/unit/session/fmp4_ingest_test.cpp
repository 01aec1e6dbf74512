#include "relay/session/fmp4_ingest.hpp"

#include "relay/media/timescale.hpp"
#include "tests/unit/session/ingest_rig.hpp"

namespace session {
namespace {

using test::IngestRig;
constexpr std::int64_t second = media::Timeline::ticks_per_second;

std::vector<std::int64_t> times(IngestRig& rig, media::Kind kind, std::uint64_t from = 0) {
  std::vector<std::int64_t> found;
  for (const stream::Chunk* chunk : rig.chunks(from)) {
    for (const media::Sample& sample : chunk->samples) {
      const media::Track& track = chunk->tracks->tracks[sample.track];
      if (track.kind == kind) {
        found.push_back(
            media::rescale(sample.dts, media::Timeline::ticks_per_second, track.timescale));
      }
    }
  }
  return found;
}

}  // namespace

TEST_CASE("a chunk is one video frame and the audio before it") {
  IngestRig rig;
  rig.publish("fmp4/key.mp4");
  std::size_t frames = 0;
  for (const stream::Chunk* chunk : rig.chunks()) {
    CHECK(chunk->container == media::Container::fmp4);
    CHECK(chunk->bytes.empty());
    CHECK(chunk->video_frames <= 1);
    CHECK(chunk->video_frames + chunk->audio_frames == chunk->samples.size());
    frames += chunk->video_frames;
  }
  CHECK(frames > 10);
  CHECK(rig.log().at(0).sync);
  CHECK(rig.log().at(0).time == 10 * second);
  for (const media::Kind kind : {media::Kind::video, media::Kind::audio}) {
    const auto found = times(rig, kind);
    CHECK(found.size() > 10);
    CHECK(std::ranges::is_sorted(found, std::less_equal<>()));
    CHECK(found[0] >= 10 * second);
  }
}

TEST_CASE("a publisher that goes on stands behind the last one by the time that passed") {
  for (const char* other : {"fmp4/key.mp4", "fmp4/every_frame.mp4", "fmp4/edit_list.mp4"}) {
    IngestRig rig;
    rig.publish("fmp4/key.mp4");
    const std::uint64_t seam = rig.log().end();
    rig.publish(other, std::chrono::seconds(20));
    CHECK(rig.log().at(seam).sync);
    CHECK(rig.log().at(seam).time == 30 * second);
    CHECK(rig.log().at(seam).discontinuity == rig.log().at(seam - 1).discontinuity + 1);
    for (const media::Kind kind : {media::Kind::video, media::Kind::audio}) {
      CHECK(std::ranges::is_sorted(times(rig, kind), std::less_equal<>()));
    }
  }
}

TEST_CASE("without a pause another publisher still stands behind the end") {
  for (const auto& [first, second_one] :
       {std::pair{"fmp4/key.mp4", "ts/h264_aac.ts"}, {"ts/h264_aac.ts", "fmp4/key.mp4"}}) {
    IngestRig rig;
    rig.publish(first);
    const std::uint64_t seam = rig.log().end();
    rig.publish(second_one);
    REQUIRE(rig.log().end() > seam);
    CHECK(rig.log().at(seam).time >= rig.log().at(seam - 1).time + media::Timeline::seam_min);
    CHECK(rig.log().at(seam).stamp_offset == rig.log().at(seam - 1).stamp_offset);
  }
}

TEST_CASE("no two frames of a track have one time whatever a muxer guessed") {
  IngestRig rig;
  rig.publish("fmp4/every_frame.mp4");
  for (const media::Kind kind : {media::Kind::video, media::Kind::audio}) {
    CHECK(std::ranges::is_sorted(times(rig, kind), std::less_equal<>()));
  }
}

TEST_CASE("another movie header in one body loses nothing of what came before it") {
  IngestRig separate;
  separate.publish("fmp4/key.mp4");
  const std::size_t frames = times(separate, media::Kind::video).size();
  const std::size_t sounds = times(separate, media::Kind::audio).size();
  IngestRig rig;
  // In pieces of any size: the header of the second may come with the end of the first.
  for (const std::size_t piece : {std::size_t{1400}, std::size_t{60'000}}) {
    const std::uint64_t from = rig.log().end();
    rig.publish_bytes(media::Container::fmp4,
                      IngestRig::file("fmp4/key.mp4") + IngestRig::file("fmp4/hvc1.mp4"), piece);
    std::size_t h264 = 0;
    std::size_t sound = 0;
    for (const stream::Chunk* chunk : rig.chunks(from)) {
      if (chunk->tracks->tracks[0].codec != media::Codec::h264) continue;
      h264 += chunk->video_frames;
      sound += chunk->audio_frames;
    }
    CHECK(h264 == frames);
    CHECK(sound == sounds);
    CHECK(rig.log().newest().tracks->tracks[0].codec == media::Codec::h265);
  }
}

TEST_CASE("tables for MPEG-TS viewers get another version with other codecs") {
  IngestRig rig;
  rig.publish("fmp4/key.mp4");
  CHECK(rig.home.tables->version == 0);
  rig.publish("fmp4/every_frame.mp4", std::chrono::seconds(1));
  CHECK(rig.home.tables->version == 0);
  rig.publish("fmp4/hvc1.mp4", std::chrono::seconds(1));
  CHECK(rig.home.tables->version == 1);
}

}  // namespace session

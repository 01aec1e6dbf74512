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

std::vector<std::string> video_payloads(IngestRig& rig, std::uint64_t from) {
  std::vector<std::string> found;
  for (const stream::Chunk* chunk : rig.chunks(from)) {
    for (const media::Sample& sample : chunk->samples) {
      if (chunk->tracks->tracks[sample.track].kind != media::Kind::video) continue;
      found.push_back(test::to_text(sample.payload));
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

TEST_CASE("where input was lost it goes on at a sync frame of a whole fragment") {
  // Several fragments to a keyframe interval of a second: what follows the loss is none to begin.
  IngestRig whole;
  whole.publish("fmp4/short_fragments.mp4");
  const std::string file = IngestRig::file("fmp4/short_fragments.mp4");
  for (std::size_t from = file.find("moof"); from < file.size() * 2 / 3; from += 997) {
    IngestRig rig;
    rig.lost_from = from;
    rig.lost_to = from + 500;
    rig.publish_bytes(media::Container::fmp4, file, 100);
    CHECK(rig.faults[stream::InputFault::input_lost] == 1);
    const auto chunks = rig.chunks();
    std::uint64_t seam = 0;
    while (seam < chunks.size() && chunks[seam]->discontinuity == 0) ++seam;
    REQUIRE(seam < chunks.size());
    CHECK(chunks[seam]->sync);
    // From there on no picture is missing.
    const auto all = video_payloads(whole, 0);
    const auto left = video_payloads(rig, seam);
    REQUIRE(left.size() < all.size());
    CHECK(std::ranges::equal(left, std::span(all).last(left.size())));
    CHECK(std::ranges::is_sorted(times(rig, media::Kind::video), std::less_equal<>()));
  }
}

TEST_CASE("what was wrong with a movie is counted") {
  IngestRig good;
  good.publish("fmp4/key.mp4");
  for (std::size_t index = 0; index < stream::input_fault_count; ++index) {
    CHECK(std::as_const(good.faults)[static_cast<stream::InputFault>(index)] == 0);
  }
  std::string file = IngestRig::file("fmp4/key.mp4");
  const std::size_t data = file.find("mdat") + 4;
  file.replace(data, 4, "\xff\xff\xff\xff");  // a NAL unit longer than its sample
  file.resize(file.size() * 3 / 4);
  IngestRig bad;
  bad.publish_bytes(media::Container::fmp4, file, 1400);
  CHECK(bad.faults[stream::InputFault::bad_sample] == 1);
  CHECK(bad.faults[stream::InputFault::no_keyframe] == 24);
  CHECK(bad.faults[stream::InputFault::cut] > 0);
}

}  // namespace session

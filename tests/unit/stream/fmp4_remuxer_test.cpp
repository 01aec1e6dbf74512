#include "relay/stream/fmp4_remuxer.hpp"

#include "tests/unit/media/container/mpegts/elementary.hpp"
#include "tests/unit/stream/chunk_maker.hpp"

namespace stream {
namespace {

using test::adts_frame;
using test::annexb;
using test::PacketBuilder;

constexpr unsigned video_pid = 256;
constexpr unsigned audio_pid = 257;
const PacketBuilder::Stream video{0x1B, video_pid};
const PacketBuilder::Stream audio{0x0F, audio_pid};
const PacketBuilder::Stream data{0x06, 300};

/// Chunks of packets through a remuxer.
struct Rig {
  Chunk remux(const test::Bytes& packets, MediaTime time) {
    Chunk source;
    source.sequence = sequence++;
    source.time = time;
    source.sync = true;
    source.bytes.push_back(maker.writer.copy_header(packets).value());
    Chunk out = source.numbers();
    remuxer.remux(source, out);
    return out;
  }

  test::ChunkMaker maker;
  Fmp4Remuxer remuxer{maker.pool};
  std::uint64_t sequence = 0;
};

void add_video(PacketBuilder& out, std::uint64_t pts) {
  const auto unit = annexb(
      {test::h264_aud(), test::h264_sps(), test::h264_pps(), test::h264_slice({.header = 0x65})});
  out.unit({.pid = video_pid, .payload = unit, .pts = pts, .has_length = true});
}
void add_audio(PacketBuilder& out, std::uint64_t pts, unsigned rate_index = 3) {
  const auto unit = adts_frame(50, 0xAA, rate_index);
  out.unit({.pid = audio_pid, .payload = unit, .pts = pts, .has_length = true});
}

std::size_t count(const Chunk& chunk, const std::string& what) {
  const std::string text = test::to_text(chunk.bytes);
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + what.size())) {
    ++found;
  }
  return found;
}

const std::string sound(50, '\xAA');

}  // namespace

TEST_CASE("tracks that go in the middle of a chunk take their samples along") {
  for (const std::vector<PacketBuilder::Stream>& streams :
       {std::vector{video}, std::vector{audio}, std::vector{audio, video},
        std::vector<PacketBuilder::Stream>{}}) {
    CAPTURE(streams.size());
    Rig rig;
    PacketBuilder out;
    out.tables({data, video, audio});
    add_audio(out, 90'000);
    add_video(out, 90'000);
    CHECK(count(rig.remux(out.take(), 90'000), "traf") == 2);
    add_audio(out, 91'920);
    add_video(out, 93'600);
    out.tables(streams, 1);
    const Chunk chunk = rig.remux(out.take(), 93'600);
    CHECK(count(chunk, "traf") == streams.size());
    CHECK(count(chunk, sound) == (streams.empty() || streams[0].pid == video_pid ? 0 : 1));
    CHECK(chunk.generation == (streams.size() == 1 ? 1 : 0));
  }
}

TEST_CASE("what is held back goes when its track is another") {
  for (const unsigned rate_index : {3U, 4U}) {
    CAPTURE(rate_index);
    Rig rig;
    PacketBuilder out;
    out.tables({video, audio});
    add_audio(out, 90'000);  // no picture is known yet
    CHECK(rig.remux(out.take(), 90'000).bytes.empty());
    add_audio(out, 91'920, rate_index);
    add_video(out, 93'600);
    CHECK(count(rig.remux(out.take(), 93'600), sound) == (rate_index == 3 ? 2 : 1));
  }
}

TEST_CASE("what is held back goes when its PID has another codec") {
  Rig rig;
  PacketBuilder out;
  out.tables({audio, video});
  add_audio(out, 90'000);
  CHECK(rig.remux(out.take(), 90'000).bytes.empty());
  out.tables({{0x03, audio_pid}, video}, 1);
  add_video(out, 93'600);
  // The new sound is not known yet, either.
  CHECK(rig.remux(out.take(), 93'600).bytes.empty());
  add_video(out, 93'600 + 2 * SampleInput::hold_max);
  const Chunk chunk = rig.remux(out.take(), 93'600 + 2 * SampleInput::hold_max);
  CHECK(count(chunk, "traf") == 1);
  CHECK(count(chunk, sound) == 0);
}

}  // namespace stream

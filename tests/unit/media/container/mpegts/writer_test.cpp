#include "relay/media/container/mpegts/writer.hpp"

#include <doctest/doctest.h>

#include "relay/media/codec/opus.hpp"
#include "relay/memory/errc.hpp"
#include "tests/unit/media/container/mpegts/payload_rig.hpp"
#include "tests/unit/media/container/mpegts/pes_parser.hpp"

using media::Codec;
using media::Sample;
using media::Track;
using mpegts::Packet;
using mpegts::Writer;
using test::annex_b;
using test::Bytes;
using test::join;
using test::nal;
using test::Pes;

namespace {

constexpr std::int64_t begin = 900'000;  // where a log begins
const Bytes aud = annex_b(nal({0x09, 0xF0}, 2));

Track make_track(Codec codec, std::uint32_t timescale, Bytes config = {}) {
  Track track;
  track.codec = codec;
  track.timescale = timescale;
  track.sample_rate = codec == Codec::h264 || codec == Codec::h265 ? 0 : timescale;
  track.config = std::move(config);
  return track;
}
Track h264() { return make_track(Codec::h264, 90'000); }
Track aac() { return make_track(Codec::aac, 48'000, {std::byte{0x11}, std::byte{0x90}}); }
Track opus() { return make_track(Codec::opus, 48'000, codec::opus::make_config({2, 312, 48'000})); }

Bytes sync_frame(std::size_t bytes) {
  return join({nal({0x67, 0x42, 0xC0, 0x1F}, 20), nal({0x68}, 6), nal({0x65, 0x88}, bytes)});
}
Bytes frame(std::size_t bytes) { return nal({0x41, 0x9A}, bytes); }

struct Rig : test::PayloadRig {
  explicit Rig(std::vector<Track> tracks_in, std::size_t block_bytes = 64 << 10)
      : PayloadRig(32 << 20, block_bytes), tracks(std::move(tracks_in)), writer(pool, tracks, 5) {}

  Writer::Image write(const std::vector<Sample>& samples, bool with_tables = false) {
    auto image = writer.write(samples, with_tables);
    REQUIRE(image.has_value());
    return std::move(*image);
  }
  std::vector<Pes> pes(const std::vector<Sample>& samples) {
    return test::parse_pes(test::gather(write(samples).bytes));
  }
  Sample audio(std::uint8_t track, std::int64_t time, std::size_t bytes,
               std::uint32_t duration = 1024) {
    auto out = sample(track, time, time, true, Bytes(bytes, std::byte{0x55}));
    out.duration = duration;
    return out;
  }

  std::vector<Track> tracks;
  Writer writer;
};

}  // namespace

TEST_CASE("tracks that had PIDs go on with them") {
  Track video = h264();
  video.id = 0x1000;  // where the PMT would be
  Track audio = aac();
  audio.id = 0x41;
  Rig rig({});
  Writer writer(rig.pool, std::vector{video, audio}, 5, true);
  const auto image = writer.write(
      std::vector{rig.sample(0, begin, begin, true, sync_frame(100)), rig.audio(1, 480'000, 50)},
      true);
  REQUIRE(image.has_value());
  test::ReaderRig reader;
  REQUIRE(reader.feed(test::gather(image->bytes)));
  const auto tracks = reader.reader.tracks();
  REQUIRE(tracks.size() == 2);
  CHECK(tracks[0].id == 0x1000);
  CHECK(tracks[1].id == 0x41);
  CHECK(test::packet_at(test::gather(image->bytes), 1).pid() == Writer::pmt_pid + 1);
}

TEST_CASE("MPEG-TS holds what it has words for") {
  CHECK(mpegts::can_write(h264()));
  CHECK(mpegts::can_write(make_track(Codec::h265, 90'000)));
  CHECK(mpegts::can_write(make_track(Codec::mp3, 44'100)));
  CHECK(mpegts::can_write(aac()));
  CHECK(mpegts::can_write(opus()));
  CHECK(!mpegts::can_write(make_track(Codec::av1, 90'000)));
  CHECK(!mpegts::can_write(make_track(Codec::vp9, 90'000)));
  CHECK(!mpegts::can_write(make_track(Codec::unknown, 90'000)));
  CHECK(!mpegts::can_write(make_track(Codec::h264, 0)));
  CHECK(!mpegts::can_write(make_track(Codec::aac, 48'000)));
  CHECK(!mpegts::can_write(make_track(Codec::opus, 48'000)));
  // Frames of 960 samples; four channels in an order of their own.
  CHECK(!mpegts::can_write(make_track(Codec::aac, 48'000, {std::byte{0x11}, std::byte{0x94}})));
  Track odd = make_track(Codec::opus, 48'000, codec::opus::make_config({4, 0, 48'000}));
  CHECK(mpegts::can_write(odd));
  std::swap(odd.config[13], odd.config[14]);
  CHECK(!mpegts::can_write(odd));
}

TEST_CASE("our reader finds every frame of a written stream by its length") {
  // Small blocks, so that packets stop short of their ends.
  Rig rig({h264(), aac()}, 4096);
  Bytes stream;
  constexpr std::int64_t frames = 100;
  std::int64_t audio = 0;
  for (std::int64_t index = 0; index < frames; ++index) {
    std::vector<Sample> samples;
    for (; audio * 1024 * 25 < index * 48'000; ++audio) {
      samples.push_back(rig.audio(1, 480'000 + audio * 1024, 100));
    }
    const bool is_sync = index % 25 == 0;
    const auto bytes = static_cast<std::size_t>(1 + index * index % 9000);
    const std::int64_t dts = begin + index * 3600;
    samples.push_back(
        rig.sample(0, dts, dts + 3600, is_sync, is_sync ? sync_frame(bytes) : frame(bytes)));
    const Bytes image = test::gather(rig.write(samples, is_sync).bytes);
    stream.insert(stream.end(), image.begin(), image.end());
  }
  test::ReaderRig reader;
  REQUIRE(reader.feed(stream, 1400));
  reader.finish();
  CHECK(test::gather(reader.pieces) == stream);
  const auto& counters = reader.reader.counters();
  CHECK(counters.continuity_errors + counters.bad_sections + counters.resyncs == 0);
  CHECK(counters.video_frames == frames);
  CHECK(counters.ended_by_length == frames);
  CHECK(counters.audio_frames == frames - 1);  // PES packets: none before the first frame
  std::size_t syncs = 0;
  std::int64_t dts = 0;
  for (const auto& piece : reader.pieces) {
    syncs += piece.sync ? 1 : 0;
    if (!piece.dts) continue;
    CHECK(*piece.dts >= dts);
    dts = *piece.dts;
  }
  CHECK(reader.pieces.size() == frames);
  CHECK(syncs == 4);
  CHECK(dts == begin + (frames - 1) * 3600);
  const auto tracks = reader.reader.tracks();
  REQUIRE(tracks.size() == 2);
  CHECK(tracks[0].codec == Codec::h264);
  CHECK(tracks[1].codec == Codec::aac);
  CHECK(tracks[1].sample_rate == 48'000);
  CHECK(tracks[1].channels == 2);
}

TEST_CASE("a video frame is one PES packet with its times and a PCR before them") {
  Rig rig({h264()});
  const Bytes first = sync_frame(400);
  const Bytes second = frame(50);
  const auto out = rig.pes({rig.sample(0, begin, begin + 6000, true, first),
                            rig.sample(0, begin + 3000, begin + 3000, false, second)});
  REQUIRE(out.size() == 2);
  CHECK(out[0].pid == 0x100);
  CHECK(out[0].stream_id == 0xE0);
  CHECK(out[0].pts == begin + 6000);
  CHECK(out[0].dts == begin);
  CHECK(out[0].is_random_access);
  CHECK(out[0].pcr == begin - Writer::pcr_delay);
  CHECK(out[0].payload == join({aud, annex_b(nal({0x67, 0x42, 0xC0, 0x1F}, 20)),
                                annex_b(nal({0x68}, 6)), annex_b(nal({0x65, 0x88}, 400))}));
  CHECK(!out[1].is_random_access);
  CHECK(out[1].pcr == begin + 3000 - Writer::pcr_delay);
  CHECK(out[1].payload == join({aud, annex_b(second)}));
}

TEST_CASE("a frame too long for a length ends with stuffing whatever its size") {
  Rig rig({h264()});
  test::ReaderRig reader;
  constexpr std::size_t frames = 190;  // more than a packet holds
  std::int64_t dts = begin;
  for (std::size_t index = 0; index < frames; ++index) {
    const bool is_sync = index == 0;
    const auto image = rig.write(
        {rig.sample(0, dts, dts, is_sync, is_sync ? sync_frame(70'000) : frame(70'000 + index))},
        is_sync);
    dts += 3000;
    REQUIRE(reader.feed(test::gather(image.bytes)));
    REQUIRE(reader.pieces.size() == index + 1);
    reader.pieces.back().bytes.clear();
  }
  CHECK(reader.reader.counters().ended_by_stuffing == frames);
}

TEST_CASE("times wrap at 33 bits") {
  Rig rig({h264()});
  constexpr std::int64_t range = std::int64_t{1} << 33;
  const auto out = rig.pes({rig.sample(0, range + 5, range * 2 + 7, true, sync_frame(10))});
  CHECK(out[0].dts == 5);
  CHECK(out[0].pts == 7);
  CHECK(out[0].pcr == range + 5 - Writer::pcr_delay);
}

TEST_CASE("times are rescaled to 90 kHz") {
  Track video = h264();
  video.timescale = 12'800;
  Rig rig({video, aac()});
  const auto out = rig.pes(
      {rig.sample(0, 128'000, 128'512, true, sync_frame(10)), rig.audio(1, 480'000 + 1024, 10)});
  CHECK(out[0].dts == begin);
  CHECK(out[0].pts == begin + 3600);
  CHECK(out[1].pts == begin + 1920);
}

TEST_CASE("a dts behind the pts moves before it and the clock does not stop") {
  Rig rig({h264()});
  // Shown in the order 0 2 3 1, with the times that version 1 of trun may have.
  std::vector<Sample> samples;
  std::int64_t dts = begin;
  for (const std::int64_t pts : {0, 3, 1, 2, 6, 4, 5}) {
    const bool is_sync = samples.empty();
    samples.push_back(
        rig.sample(0, dts, begin + pts * 3000, is_sync, is_sync ? sync_frame(10) : frame(10)));
    dts += 3000;
  }
  const auto out = rig.pes(samples);
  for (std::size_t index = 0; index < out.size(); ++index) {
    CHECK(out[index].pts == samples[index].pts);
    CHECK(out[index].dts <= out[index].pts);
    CHECK(out[index].pcr == samples[index].dts - Writer::pcr_delay);
    if (index > 0) CHECK(out[index].dts > out[index - 1].dts);
  }
}

TEST_CASE("audio samples of one call are one PES packet with ADTS headers") {
  Rig rig({h264(), aac()});
  const auto out =
      rig.pes({rig.audio(1, 480'000, 100), rig.sample(0, begin, begin, true, sync_frame(9)),
               rig.audio(1, 481'024, 200)});
  REQUIRE(out.size() == 2);
  CHECK(out[0].pid == 0x101);
  CHECK(out[0].stream_id == 0xC0);
  CHECK(out[0].pts == begin);
  CHECK(!out[0].pcr);
  CHECK(!out[0].is_random_access);
  CHECK(out[0].length == 8 + 107 + 207);
  const auto first = codec::aac::parse_adts(out[0].payload);
  REQUIRE(first.has_value());
  CHECK(first->frame_bytes == 107);
  CHECK(first->sample_rate == 48'000);
  const auto second = codec::aac::parse_adts(std::span(out[0].payload).subspan(107));
  REQUIRE(second.has_value());
  CHECK(second->frame_bytes == 207);
  CHECK(out[0].payload.size() == 107 + 207);
}

TEST_CASE("audio alone carries the clock") {
  Rig rig({make_track(Codec::mp3, 48'000), aac()});
  const auto out = rig.pes({rig.audio(0, 480'000, 100, 1152), rig.audio(1, 480'000, 90)});
  REQUIRE(out.size() == 2);
  CHECK(out[0].pcr == begin - Writer::pcr_delay);
  CHECK(out[0].payload == Bytes(100, std::byte{0x55}));
  CHECK(!out[1].pcr);
}

TEST_CASE("Opus packets have control headers") {
  Rig rig({opus()});
  const auto out = rig.pes({rig.audio(0, 480'000, 300, 960), rig.audio(0, 480'960, 3, 960)});
  REQUIRE(out.size() == 1);
  CHECK(out[0].stream_id == 0xBD);
  const auto header = codec::opus::parse_control_header(out[0].payload);
  REQUIRE(header.has_value());
  CHECK(header->payload_bytes == 300);
  const auto next = codec::opus::parse_control_header(
      std::span(out[0].payload).subspan(header->header_bytes + 300));
  REQUIRE(next.has_value());
  CHECK(next->payload_bytes == 3);
}

TEST_CASE("audio begins another PES packet after a gap and where the length ends") {
  Rig rig({aac()});
  const auto gap = rig.pes({rig.audio(0, 0, 10), rig.audio(0, 1024, 10), rig.audio(0, 4096, 10)});
  REQUIRE(gap.size() == 2);
  CHECK(gap[1].pts == 7680);
  CHECK(gap[0].payload.size() == 34);
  std::vector<Sample> many;
  for (std::int64_t index = 0; index < 20; ++index) {
    many.push_back(rig.audio(0, 10'000 + index * 1024, 8000));
  }
  const auto out = rig.pes(many);
  REQUIRE(out.size() == 3);
  CHECK(out[0].payload.size() == 8 * 8007);
  CHECK(out[1].pts == (10'000 + 8 * 1024) * 15 / 8);
  CHECK(out[2].payload.size() == 4 * 8007);
}

TEST_CASE("what is no frame or has no track is left out") {
  Rig rig({aac(), h264(), make_track(Codec::vp9, 90'000), make_track(Codec::mp3, 48'000), opus()});
  CHECK(rig.write({}).bytes.empty());
  CHECK(
      rig.write({rig.audio(0, 0, 8185), rig.audio(2, 0, 10), rig.audio(3, 0, 65'528),
                 rig.audio(4, 0, 65'400), rig.audio(9, 0, 10), rig.sample(1, 0, 0, true, Bytes(3))})
          .bytes.empty());
  const auto out = rig.pes({rig.audio(0, 0, 8185), rig.audio(0, 1024, 8184),
                            rig.audio(3, 0, 65'527), rig.audio(4, 0, 65'000)});
  REQUIRE(out.size() == 3);
  CHECK(out[0].pts == 1920);
  CHECK(out[1].pid == 0x103);  // tracks that are left out keep their PID
  CHECK(out[2].pid == 0x104);
}

TEST_CASE("tables come first and a viewer may jump there from anywhere") {
  Track english = aac();
  english.language = "eng";
  Rig rig({h264(), english});
  const auto chunk = [&](std::int64_t index, bool is_sync) {
    const std::int64_t dts = begin + index * 3000;
    return rig.write({rig.audio(1, 480'000 + index * 1600, 50),
                      rig.sample(0, dts, dts, is_sync, is_sync ? sync_frame(900) : frame(3000))},
                     is_sync);
  };
  std::vector<Writer::Image> images;
  for (std::int64_t index = 0; index < 40; ++index) images.push_back(chunk(index, index % 10 == 0));
  for (std::size_t to = 0; to < images.size(); ++to) {
    CHECK(images[to].skip_join.empty() == (to % 10 != 0));
    if (to % 10 != 0) continue;
    const Bytes bytes = test::gather(images[to].bytes);
    CHECK(test::packet_at(bytes, 0).pid() == 0);
    CHECK(test::packet_at(bytes, 1).pid() == Writer::pmt_pid);
    CHECK(images[to].skip_join.bytes() == 4 * 188);
    for (const std::size_t from : {0U, 3U, 17U, 39U}) {
      test::ContinuityCheck check;
      check.add(test::gather(images[from].bytes));
      check.add(test::gather(images[to].skip_join));
      for (std::size_t index = to; index < images.size(); ++index) {
        check.add(test::gather(images[index].bytes));
      }
      CHECK(check.errors == 0);
    }
  }
  test::ReaderRig reader;
  REQUIRE(reader.feed(test::gather(images[10].skip_join)));
  for (std::size_t index = 10; index < images.size(); ++index) {
    REQUIRE(reader.feed(test::gather(images[index].bytes)));
  }
  reader.finish();
  CHECK(reader.reader.counters().continuity_errors == 0);
  CHECK(reader.reader.tracks()[1].language == "eng");
}

TEST_CASE("a program without tracks has tables that say so") {
  Rig rig({make_track(Codec::vp9, 90'000)});
  const auto image = rig.write({rig.audio(0, 0, 10)}, true);
  CHECK(image.bytes.bytes() == 2 * 188);
  CHECK(image.skip_join.bytes() == 2 * 188);
}

TEST_CASE("tracks beyond sixteen are left out") {
  Rig rig(std::vector<Track>(20, aac()));
  std::vector<Sample> samples;
  for (std::uint8_t track = 0; track < 20; ++track) samples.push_back(rig.audio(track, 0, 10));
  CHECK(rig.pes(samples).size() == 16);
}

TEST_CASE("a full arena leaves the counters as they were") {
  Rig rig({h264()}, 1 << 20);
  test::ContinuityCheck check;
  const std::vector<Sample> small{rig.sample(0, begin, begin, true, sync_frame(100))};
  std::vector<Sample> big{rig.sample(0, begin + 3000, begin + 3000, false, frame(900'000))};
  big.push_back(big[0]);
  check.add(test::gather(rig.write(small, true).bytes));
  std::vector<memory::BlockHold*> held;
  while (auto hold = rig.pool.take()) held.push_back(*hold);
  const auto failed = rig.writer.write(big, true);
  REQUIRE(failed.has_error());
  CHECK(failed.error() == memory::Errc::arena_full);
  for (memory::BlockHold* hold : held) memory::BlockPool::release(hold);
  check.add(test::gather(rig.write(small, true).bytes));
  CHECK(check.errors == 0);
}

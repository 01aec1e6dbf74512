#include "relay/media/container/mpegts/sample_reader.hpp"

#include "tests/unit/media/container/mpegts/elementary.hpp"
#include "tests/unit/media/container/mpegts/sample_rig.hpp"

using media::Codec;
using test::adts_frame;
using test::annexb;
using test::Bytes;
using test::lengths;
using test::PacketBuilder;
using test::SampleRig;
using test::operator+;

namespace {

constexpr unsigned video_pid = 256;
constexpr unsigned audio_pid = 257;

const Bytes idr = annexb({test::h264_aud(), test::h264_sps(), test::h264_pps(),
                          test::h264_slice({.header = 0x65, .size = 500})});
const Bytes other = annexb({test::h264_aud(), test::h264_slice({.frame_num = 1, .size = 500})});

PacketBuilder begin() {
  PacketBuilder out;
  out.tables({{0x1B, video_pid}, {0x0F, audio_pid}});
  return out;
}

// Changes a packet; its index counts from the end.
Bytes with(Bytes bytes, std::size_t packet_from_end, std::size_t at, unsigned mask) {
  bytes[bytes.size() - 188 * packet_from_end + at] |= static_cast<std::byte>(mask);
  return bytes;
}

}  // namespace

TEST_CASE("samples of two tracks come in the order in which they end") {
  PacketBuilder out = begin();
  out.unit({.pid = video_pid, .payload = idr, .pts = 97'200, .dts = 90'000});
  out.unit({.pid = audio_pid, .payload = adts_frame(50, 1), .pts = 90'000, .has_length = true});
  out.unit({.pid = video_pid, .payload = other, .pts = 93'600});
  SampleRig rig;
  REQUIRE(rig.feed(out.bytes()));
  REQUIRE(rig.samples.size() == 3);
  CHECK(rig.samples[0].track == 1);
  CHECK(rig.samples[0].dts == 48'000);
  CHECK(rig.samples[1].track == 0);
  CHECK(rig.samples[1].dts == 90'000);
  CHECK(rig.samples[1].pts == 97'200);
  CHECK(rig.samples[2].dts == 93'600);
  CHECK(rig.samples[2].pts == 93'600);
  CHECK(rig.reader.tracks()[0].width == 320);
}

TEST_CASE("an open frame waits for the next call and a whole one does not") {
  PacketBuilder out = begin();
  out.unit({.pid = video_pid, .payload = idr, .pts = 90'000});
  SampleRig rig;
  REQUIRE(rig.feed(out.take(), true));
  CHECK(rig.samples.empty());
  REQUIRE(rig.feed(memory::WindowList{}, false));
  CHECK(rig.samples.size() == 1);
  // Its length says the same.
  out.unit({.pid = video_pid, .payload = other, .pts = 93'600, .has_length = true});
  REQUIRE(rig.feed(out.take(), true));
  CHECK(rig.samples.size() == 2);
}

TEST_CASE("PES headers in pieces over packets and windows are read") {
  for (const std::size_t most : {1U, 5U, 8U, 9U, 13U, 14U, 18U, 19U, 20U}) {
    PacketBuilder out = begin();
    out.unit({.pid = video_pid, .payload = idr, .pts = 97'200, .dts = 90'000, .most = most});
    SampleRig rig;
    REQUIRE(rig.feed(out.bytes(), false, 7));
    REQUIRE(rig.samples.size() == 1);
    CHECK(rig.samples[0].dts == 90'000);
    CHECK(rig.samples[0].pts == 97'200);
  }
}

TEST_CASE("a lost packet loses the frame in the making and is counted") {
  for (std::size_t lost = 1; lost <= 3; ++lost) {
    CAPTURE(lost);
    PacketBuilder out = begin();
    out.unit({.pid = video_pid, .payload = idr, .pts = 90'000});
    SampleRig rig;
    REQUIRE(rig.feed(out.take()));
    out.unit({.pid = video_pid, .payload = idr, .pts = 93'600});
    Bytes broken = out.take();
    REQUIRE(broken.size() == std::size_t{3} * 188);
    const auto at = broken.begin() + static_cast<std::ptrdiff_t>((lost - 1) * 188);
    broken.erase(at, at + 188);
    REQUIRE(rig.feed(broken, true));
    out.unit({.pid = video_pid, .payload = other, .pts = 97'200});
    REQUIRE(rig.feed(out.take()));
    REQUIRE(rig.samples.size() == 2);
    CHECK(rig.samples[1].dts == 97'200);
    // Nothing was in the making where the first packet was lost.
    CHECK(rig.reader.counters().lost_units == 1);
  }
}

TEST_CASE("duplicates are not taken twice") {
  PacketBuilder out = begin();
  out.unit({.pid = video_pid, .payload = idr, .pts = 90'000});
  out.repeat_last();
  SampleRig rig;
  REQUIRE(rig.feed(out.bytes()));
  REQUIRE(rig.samples.size() == 1);
  CHECK(rig.samples[0].payload == lengths({test::h264_sps(), test::h264_pps(),
                                           test::h264_slice({.header = 0x65, .size = 500})}));
}

TEST_CASE("broken and scrambled packets lose the frame in the making") {
  for (const auto& [at, mask] : {std::pair{1U, 0x80U}, {3U, 0x80U}}) {
    PacketBuilder out = begin();
    out.unit({.pid = video_pid, .payload = idr, .pts = 90'000});
    SampleRig rig;
    REQUIRE(rig.feed(with(out.take(), 2, at, mask)));
    CHECK(rig.samples.empty());
    CHECK(rig.reader.counters().lost_units == 1);
    out.unit({.pid = video_pid, .payload = other, .pts = 93'600});
    REQUIRE(rig.feed(out.take()));
    CHECK(rig.samples.size() == 1);
  }
}

TEST_CASE("a discontinuity loses what is in the making unless a unit begins with it") {
  for (const bool is_start : {false, true}) {
    CAPTURE(is_start);
    PacketBuilder out = begin();
    out.unit({.pid = video_pid, .payload = idr, .pts = 90'000});
    SampleRig rig;
    REQUIRE(rig.feed(out.take(), true));
    const Bytes payload = is_start ? test::bytes({0, 0, 1, 0xE0, 0, 0, 0x80, 0, 0}) : Bytes(20);
    out.packet(video_pid, is_start, payload);
    REQUIRE(rig.feed(with(out.take(), 1, 5, 0x80), true));
    REQUIRE(rig.feed(memory::WindowList{}));
    CHECK(rig.samples.size() == (is_start ? 1 : 0));
    CHECK(rig.reader.counters().lost_units == (is_start ? 0 : 1));
  }
}

TEST_CASE("after a discontinuity of the log any counter fits and time does not go back") {
  PacketBuilder out = begin();
  out.unit({.pid = audio_pid, .payload = adts_frame(50, 1), .pts = 90'000});
  out.unit({.pid = video_pid, .payload = idr, .pts = 90'000});
  SampleRig rig;
  REQUIRE(rig.feed(out.take(), true));
  rig.reader.on_discontinuity();
  CHECK(rig.reader.counters().lost_units == 2);
  PacketBuilder next;  // counters begin again: the first packet looks like a duplicate
  next.unit({.pid = video_pid, .payload = other, .pts = 180'000});
  next.unit({.pid = audio_pid, .payload = adts_frame(50, 2)});
  REQUIRE(rig.feed(next.take()));
  REQUIRE(rig.samples.size() == 2);
  CHECK(rig.samples[1].dts == 180'000);
  CHECK(rig.reader.counters().untimed == 1);
}

TEST_CASE("what is known stays when the tables change around it") {
  PacketBuilder out = begin();
  out.unit({.pid = video_pid, .payload = idr, .pts = 90'000});
  out.unit({.pid = audio_pid, .payload = adts_frame(50, 1), .pts = 90'000});
  SampleRig rig;
  REQUIRE(rig.feed(out.take()));
  const auto version = rig.reader.tracks_version();
  out.tables({{0x03, 300}, {0x1B, video_pid}, {0x0F, audio_pid}}, 1);
  out.unit({.pid = video_pid, .payload = other, .pts = 93'600});
  out.unit({.pid = audio_pid, .payload = adts_frame(50, 1), .pts = 91'920});
  REQUIRE(rig.feed(out.take()));
  CHECK(rig.reader.tracks_version() > version);
  REQUIRE(rig.reader.tracks().size() == 3);
  CHECK(rig.reader.tracks()[1].width == 320);
  CHECK(rig.reader.tracks()[2].sample_rate == 48'000);
  REQUIRE(rig.samples.size() == 4);
  CHECK(rig.samples[2].track == 2);
  CHECK(rig.samples[2].dts == 49'024);
  CHECK(rig.samples[3].track == 1);
}

TEST_CASE("samples that wait when the tables change mean the new tracks or are dropped") {
  struct Case {
    std::vector<PacketBuilder::Stream> streams;
    std::vector<unsigned> tracks;  // of the samples: sound, then a picture
  };
  const std::vector<Case> cases = {
      {{{0x1B, video_pid}, {0x0F, audio_pid}}, {1, 0}},
      {{{0x03, 300}, {0x0F, audio_pid}, {0x1B, video_pid}}, {1, 2}},
      {{{0x0F, audio_pid}}, {0}},
      {{{0x1B, video_pid}}, {0}},
      {{{0x1B, video_pid}, {0x03, audio_pid}}, {0}},  // another codec
      {{{0x24, video_pid}, {0x0F, audio_pid}}, {1}},
      {{}, {}},
  };
  for (const Case& item : cases) {
    CAPTURE(item.streams.size());
    PacketBuilder out;
    out.tables({{0x03, 300}, {0x1B, video_pid}, {0x0F, audio_pid}});
    out.unit({.pid = audio_pid, .payload = adts_frame(50, 1), .pts = 90'000, .has_length = true});
    out.unit({.pid = video_pid, .payload = idr, .pts = 90'000, .has_length = true});
    out.tables(item.streams, 1);
    SampleRig rig;
    REQUIRE(rig.feed(out.take()));
    CHECK(rig.reader.tracks().size() == item.streams.size());
    std::vector<unsigned> tracks;
    for (const auto& sample : rig.samples) tracks.push_back(sample.track);
    CHECK(tracks == item.tracks);
  }
}

TEST_CASE("samples that were not taken wait for the next call and its tables") {
  PacketBuilder out = begin();
  out.unit({.pid = audio_pid, .payload = adts_frame(50, 1), .pts = 90'000});
  out.unit({.pid = video_pid, .payload = idr, .pts = 90'000, .has_length = true});
  SampleRig rig;
  REQUIRE(rig.reader.feed(rig.receiver.receive(out.take(), 1 << 20), {}, false));
  auto sample = rig.reader.poll();
  REQUIRE(sample);
  CHECK(sample->track == 1);
  out.tables({{0x0F, audio_pid}, {0x1B, video_pid}}, 1);
  REQUIRE(rig.reader.feed(rig.receiver.receive(out.take(), 1 << 20), {}, false));
  sample = rig.reader.poll();
  REQUIRE(sample);
  CHECK(sample->track == 1);
  CHECK(rig.reader.tracks()[1].kind == media::Kind::video);
  CHECK(!rig.reader.poll());
}

TEST_CASE("tracks that are not read are listed and have no samples") {
  PacketBuilder out;
  out.tables({{0x02, 300}, {0x11, 301}, {0x06, 302}});
  for (const unsigned pid : {300U, 301U, 302U}) {
    out.unit({.pid = pid, .payload = adts_frame(50, 1), .pts = 90'000});
  }
  SampleRig rig;
  REQUIRE(rig.feed(out.take()));
  CHECK(rig.samples.empty());
  REQUIRE(rig.reader.tracks().size() == 3);
  CHECK(rig.reader.tracks()[1].codec == Codec::unknown);
  CHECK(rig.reader.tracks()[1].kind == media::Kind::audio);
}

TEST_CASE("a full arena is an error that loses the samples in the making") {
  SampleRig rig(std::size_t{16} * 4096, 4096);
  PacketBuilder out = begin();
  out.unit({.pid = video_pid, .payload = idr, .pts = 90'000});
  const auto packets = rig.receiver.receive(out.take(), 1 << 20);
  // The log holds the rest.
  std::vector<memory::BlockHold*> held;
  while (auto block = rig.pool.take()) held.push_back(*block);
  const auto fed = rig.feed(packets, true);
  CHECK(!fed);
  for (auto* block : held) memory::BlockPool::release(block);
  CHECK(rig.reader.counters().lost_units == 1);
  out.unit({.pid = video_pid, .payload = other, .pts = 93'600});
  REQUIRE(rig.feed(out.take()));
  CHECK(rig.samples.size() == 1);
}

TEST_CASE("no more tracks are followed than the bound") {
  std::vector<PacketBuilder::Stream> streams;
  for (unsigned index = 0; index < 20; ++index) streams.push_back({0x0F, 300 + index});
  PacketBuilder out;
  out.tables(streams);
  SampleRig rig;
  REQUIRE(rig.feed(out.take()));
  CHECK(rig.reader.tracks().size() == mpegts::tracks_max);
}

TEST_CASE("stamps become the value nearest to where they should be") {
  constexpr std::int64_t range = std::int64_t{1} << 33;
  PacketBuilder out = begin();
  out.unit({.pid = video_pid, .payload = idr, .pts = 1000, .dts = range - 1000});
  SampleRig rig;
  rig.stamps = {5000, 7 * range};
  REQUIRE(rig.feed(out.take()));
  REQUIRE(rig.samples.size() == 1);
  CHECK(rig.samples[0].dts == 7 * range + 4000);
  CHECK(rig.samples[0].pts == 7 * range + 6000);
}

#include "relay/media/container/mpegts/audio_frame_reader.hpp"

#include "relay/media/codec/opus.hpp"
#include "tests/unit/media/container/mpegts/elementary.hpp"
#include "tests/unit/media/container/mpegts/sample_rig.hpp"

using media::Codec;
using test::adts_frame;
using test::Bytes;
using test::operator+;

namespace {

struct Rig {
  explicit Rig(Codec codec, std::size_t arena_bytes = 1 << 20)
      : arena(arena_bytes, 4096), pool(arena), reader(make_sink(sink), 0, codec, pool) {}

  static mpegts::SampleSink& make_sink(mpegts::SampleSink& out) {
    out.tracks.resize(1);
    out.tracks[0].channels = 2;
    return out;
  }
  void unit(std::int64_t pts, const Bytes& bytes) {
    reader.begin_unit({pts, pts});
    REQUIRE(reader.take(bytes));
  }
  Bytes payload(std::size_t index) const { return test::to_bytes(sink.ready.at(index).payload); }
  std::vector<std::int64_t> times() const {
    std::vector<std::int64_t> out;
    for (const auto& sample : sink.ready) out.push_back(sample.dts);
    return out;
  }

  memory::Arena arena;
  memory::BlockPool pool;
  mpegts::SampleSink sink;
  mpegts::AudioFrameReader reader;
};

Bytes opus_unit(std::size_t size) {
  const auto head = codec::opus::make_control_header(size);
  Bytes out(head.begin(), head.end());
  out.push_back(std::byte{0xF8});  // CELT, 20 ms, one frame
  out.resize(head.size() + size, std::byte{0x7F});
  return out;
}

}  // namespace

TEST_CASE("ADTS frames become raw AAC wherever packets cut them") {
  const Bytes stream = adts_frame(30, 0xFF) + adts_frame(1, 2) + adts_frame(20, 3);
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    CAPTURE(cut);
    Rig rig(Codec::aac);
    rig.unit(90'000, Bytes(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(cut)));
    REQUIRE(rig.reader.take(std::span(stream).subspan(cut)));
    REQUIRE(rig.sink.ready.size() == 3);
    CHECK(rig.payload(0) == Bytes(30, std::byte{0xFF}));
    CHECK(rig.payload(1) == Bytes(1, std::byte{2}));
    CHECK(rig.payload(2) == Bytes(20, std::byte{3}));
    CHECK(rig.times() == std::vector<std::int64_t>{48'000, 49'024, 50'048});
    CHECK(rig.sink.ready[0].duration == 1024);
    CHECK(rig.sink.ready[0].sync);
  }
  Rig rig(Codec::aac);
  rig.unit(90'000, stream);
  CHECK(rig.sink.tracks[0].sample_rate == 48'000);
  CHECK(rig.sink.tracks[0].timescale == 48'000);
  CHECK(rig.sink.tracks[0].channels == 2);
  CHECK(rig.sink.tracks[0].config == test::bytes({0x11, 0x90}));
  CHECK(rig.sink.tracks_version == 1);
}

TEST_CASE("a frame split over PES packets has the time of the one where it begins") {
  const Bytes stream = adts_frame(30, 1) + adts_frame(30, 2);
  Rig rig(Codec::aac);
  const auto half = stream.begin() + 60;  // in the second frame
  rig.unit(90'000, Bytes(stream.begin(), half));
  rig.unit(99'000, Bytes(half, stream.end()) + adts_frame(10, 3));
  CHECK(rig.times() == std::vector<std::int64_t>{48'000, 49'024, 52'800});
}

TEST_CASE("rounded timestamps do not move frames and others do") {
  Rig rig(Codec::aac);
  std::vector<std::int64_t> expected;
  for (std::int64_t index = 0; index < 200; ++index) {
    // 1024 samples of 44.1 kHz are no whole number of ticks.
    const std::int64_t off = index % 3 - 1;
    rig.unit(90'000 + index * 1024 * 90'000 / 44'100 + off, adts_frame(10, 1, 4));
    if (index == 0) expected.push_back(rig.times()[0]);
    if (index > 0) expected.push_back(expected.back() + 1024);
  }
  CHECK(rig.times() == expected);
  rig.unit(900'000, adts_frame(10, 1, 4));
  rig.unit(900'000 + 2090 + 3, adts_frame(10, 1, 4));
  CHECK(rig.times()[200] == 441'000);
  CHECK(rig.times()[201] == 442'026);  // as it is: 2093 ticks are 1025.6 samples
}

TEST_CASE("dts of audio rise and what goes back by more than a second is dropped") {
  Rig rig(Codec::aac);
  for (const std::int64_t pts : {180'000, 180'000, 45'000, 270'000}) {
    rig.unit(pts, adts_frame(10, 1));
  }
  CHECK(rig.times() == std::vector<std::int64_t>{96'000, 96'001, 144'000});
  CHECK(rig.sink.counters.went_back == 1);
}

TEST_CASE("frames before the first timestamp are dropped") {
  Rig rig(Codec::aac);
  rig.reader.begin_unit({});
  REQUIRE(rig.reader.take(adts_frame(10, 1)));
  rig.unit(90'000, adts_frame(10, 2));
  CHECK(rig.times() == std::vector<std::int64_t>{48'000});
  CHECK(rig.sink.counters.untimed == 1);
}

TEST_CASE("garbage between frames costs the frame behind it and no more") {
  for (const Codec codec : {Codec::aac, Codec::mp3}) {
    Bytes mp3_frame = test::bytes({0xFF, 0xFB, 0x14, 0xC0});  // 32 kbit/s at 48 kHz
    mp3_frame.resize(96, std::byte{1});
    const Bytes frame = codec == Codec::aac ? adts_frame(89, 1) : mp3_frame;
    for (const std::size_t garbage : {1U, 3U, 8U, 63U, 64U, 65U, 500U}) {
      CAPTURE(garbage);
      for (const unsigned value : {0x00U, 0xFFU}) {
        Rig rig(codec);
        rig.unit(90'000, frame + Bytes(garbage, static_cast<std::byte>(value)) + frame + frame);
        CHECK(rig.sink.ready.size() >= 1);
        CHECK(rig.payload(0).size() == (codec == Codec::aac ? 89 : 96));
        // The next PES packet begins with a frame, so all is well.
        rig.unit(180'000, frame + frame);
        REQUIRE(rig.sink.ready.size() >= 3);
        CHECK(rig.sink.counters.skipped_bytes > 0);
        CHECK(rig.times().back() >= 96'000);
      }
    }
  }
}

TEST_CASE("after a loss frames begin with the next PES packet") {
  Rig rig(Codec::aac);
  const Bytes frame = adts_frame(100, 1);
  rig.unit(90'000, Bytes(frame.begin(), frame.begin() + 50));
  rig.reader.on_loss();
  REQUIRE(rig.reader.take(Bytes(frame.begin() + 50, frame.end())));
  rig.unit(99'000, frame);
  CHECK(rig.times() == std::vector<std::int64_t>{52'800});
  CHECK(rig.sink.counters.skipped_bytes == 0);
}

TEST_CASE("another sample rate makes another track and time goes on") {
  Rig rig(Codec::aac);
  rig.unit(90'000, adts_frame(10, 1, 3));
  CHECK(rig.times() == std::vector<std::int64_t>{48'000});
  rig.unit(180'000, adts_frame(10, 1, 4));
  // What still waited would be played at the new rate.
  CHECK(rig.times() == std::vector<std::int64_t>{88'200});
  CHECK(rig.sink.tracks[0].timescale == 44'100);
  CHECK(rig.sink.tracks_version == 2);
}

TEST_CASE("MP3 frames keep their headers") {
  Bytes frame = test::bytes({0xFF, 0xFB, 0x14, 0xC0});
  frame.resize(96, std::byte{1});
  for (std::size_t cut = 0; cut <= 2 * frame.size(); ++cut) {
    const Bytes stream = frame + frame;
    Rig rig(Codec::mp3);
    rig.unit(90'000, Bytes(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(cut)));
    REQUIRE(rig.reader.take(std::span(stream).subspan(cut)));
    REQUIRE(rig.sink.ready.size() == 2);
    CHECK(rig.payload(1) == frame);
    CHECK(rig.sink.ready[1].duration == 1152);
    CHECK(rig.sink.tracks[0].sample_rate == 48'000);
    CHECK(rig.sink.tracks[0].channels == 1);
  }
}

TEST_CASE("Opus packets are taken out from behind their control headers") {
  const Bytes stream = opus_unit(300) + opus_unit(2) + opus_unit(1000);
  for (std::size_t cut = 0; cut <= stream.size(); cut += cut < 20 ? 1 : 97) {
    Rig rig(Codec::opus);
    rig.unit(90'000, Bytes(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(cut)));
    REQUIRE(rig.reader.take(std::span(stream).subspan(cut)));
    REQUIRE(rig.sink.ready.size() == 3);
    CHECK(rig.payload(0).size() == 300);
    CHECK(rig.payload(1) == test::bytes({0xF8, 0x7F}));
    CHECK(rig.payload(2).size() == 1000);
    CHECK(rig.times() == std::vector<std::int64_t>{48'000, 48'960, 49'920});
    CHECK(!rig.sink.tracks[0].config.empty());
  }
}

TEST_CASE("Opus control headers that never end are skipped") {
  Rig rig(Codec::opus);
  Bytes stream = test::bytes({0x7F, 0xE0});
  stream.resize(5000, std::byte{0xFF});
  rig.reader.begin_unit({90'000, 90'000});
  for (std::size_t at = 0; at < stream.size(); at += 50) {
    REQUIRE(rig.reader.take(std::span(stream).subspan(at, 50)));
  }
  CHECK(rig.sink.ready.empty());
  rig.unit(99'000, opus_unit(10));
  CHECK(rig.sink.ready.size() == 1);
}

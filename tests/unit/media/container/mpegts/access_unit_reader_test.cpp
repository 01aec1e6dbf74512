#include "relay/media/container/mpegts/access_unit_reader.hpp"

#include "relay/media/codec/h264_config.hpp"
#include "tests/unit/media/container/mpegts/elementary.hpp"
#include "tests/unit/media/container/mpegts/sample_rig.hpp"

using mpegts::AccessUnitReader;
using test::annexb;
using test::Bytes;
using test::h264_aud;
using test::h264_pps;
using test::h264_slice;
using test::h264_sps;
using test::lengths;
using test::operator+;

namespace {

struct Rig {
  explicit Rig(media::Codec codec = media::Codec::h264, std::size_t arena_bytes = 1 << 20,
               std::size_t block_bytes = 4096)
      : arena(arena_bytes, block_bytes), pool(arena), reader(make_sink(sink), 0, codec, pool) {}

  static mpegts::SampleSink& make_sink(mpegts::SampleSink& out) {
    out.tracks.resize(1);
    return out;
  }
  void begin(std::int64_t dts) { reader.begin_unit({dts + 3600, dts}); }
  void unit(std::int64_t dts, const Bytes& bytes) {
    begin(dts);
    REQUIRE(reader.take(bytes));
  }
  std::vector<Bytes> payloads() const {
    std::vector<Bytes> out;
    for (const auto& sample : sink.ready) out.push_back(test::to_bytes(sample.payload));
    return out;
  }

  memory::Arena arena;
  memory::BlockPool pool;
  mpegts::SampleSink sink;
  AccessUnitReader reader;
};

const Bytes idr = h264_slice({.header = 0x65});
const Bytes other = h264_slice({.frame_num = 1});

}  // namespace

TEST_CASE("access units are the same wherever packets cut them") {
  const Bytes zeros_inside = test::bytes({0x41, 0x9A, 0, 0, 3, 1, 7, 0, 0, 3, 0, 0, 3});
  const Bytes stream = annexb({h264_aud(), h264_sps(), h264_pps(), idr}) + Bytes(5) +
                       annexb({h264_aud(), test::filler(), zeros_inside}) + test::bytes({0, 0}) +
                       annexb({h264_aud(), other});
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    CAPTURE(cut);
    Rig rig;
    rig.begin(90'000);
    REQUIRE(rig.reader.take(std::span(stream).first(cut)));
    REQUIRE(rig.reader.take(std::span(stream).subspan(cut)));
    REQUIRE(rig.reader.end_unit());
    const auto payloads = rig.payloads();
    REQUIRE(payloads.size() == 3);
    CHECK(payloads[0] == lengths({h264_sps(), h264_pps(), idr}));
    CHECK(payloads[1] == lengths({zeros_inside}));
    CHECK(payloads[2] == lengths({other}));
    CHECK(rig.sink.ready[0].sync);
    CHECK(!rig.sink.ready[1].sync);
    CHECK(rig.sink.counters.headless == 0);
  }
  Rig rig;
  rig.begin(90'000);
  for (const std::byte byte : stream) REQUIRE(rig.reader.take(std::span(&byte, 1)));
  REQUIRE(rig.reader.end_unit());
  CHECK(rig.payloads().size() == 3);
}

TEST_CASE("zeros before something else than a start code stay in the NAL unit") {
  Rig rig;
  Bytes slice = other;
  slice.resize(slice.size() + 600);
  slice.push_back(std::byte{7});
  const Bytes stream = annexb({slice});
  rig.begin(0);
  for (std::size_t at = 0; at < stream.size(); at += 184) {
    REQUIRE(rig.reader.take(
        std::span(stream).subspan(at, std::min<std::size_t>(184, stream.size() - at))));
  }
  REQUIRE(rig.reader.end_unit());
  REQUIRE(rig.payloads().size() == 1);
  CHECK(rig.payloads()[0] == lengths({slice}));
}

TEST_CASE("slices of one picture are one sample and the times are those of the PES packets") {
  Rig rig;
  const Bytes second = h264_slice({.header = 0x65, .first_mb = 50});
  rig.unit(90'000, annexb({h264_aud(), h264_sps(), h264_pps(), idr, second}));
  rig.unit(93'600, annexb({h264_aud(), other}));
  REQUIRE(rig.reader.end_unit());
  REQUIRE(rig.sink.ready.size() == 2);
  CHECK(rig.payloads()[0] == lengths({h264_sps(), h264_pps(), idr, second}));
  CHECK(rig.sink.ready[0].dts == 90'000);
  CHECK(rig.sink.ready[0].pts == 93'600);
  CHECK(rig.sink.ready[0].duration == 0);
  CHECK(rig.sink.ready[1].dts == 93'600);
  CHECK(rig.sink.ready[1].duration == 3600);
}

TEST_CASE("without delimiters a picture ends where the first slice of another begins") {
  Rig rig;
  rig.unit(0, annexb({h264_sps(), h264_pps(), idr, other, h264_slice({.first_mb = 7}), other}));
  REQUIRE(rig.reader.end_unit());
  REQUIRE(rig.payloads().size() == 3);
  CHECK(rig.payloads()[1] == lengths({other, h264_slice({.first_mb = 7})}));
}

TEST_CASE("the two fields of a frame are one sample however PES packets hold them") {
  const Bytes sps = h264_sps(20, true);
  const auto field = [](unsigned header, unsigned frame_num, int parity) {
    return h264_slice({.header = header, .frame_num = frame_num, .field = parity});
  };
  const Bytes top = field(0x65, 0, 1);
  const Bytes bottom = field(0x41, 0, 2);
  for (const bool has_own_unit : {false, true}) {
    CAPTURE(has_own_unit);
    Rig rig;
    rig.unit(0, annexb({h264_aud(), sps, h264_pps(), top}));
    if (has_own_unit) {
      // A chunk ends with every PES packet; a field waits for the other one.
      REQUIRE(rig.reader.end_unit());
      CHECK(rig.sink.ready.empty());
      rig.begin(1800);
    }
    REQUIRE(rig.reader.take(annexb({h264_aud(), h264_pps(), bottom})));
    REQUIRE(rig.reader.end_unit());
    REQUIRE(rig.sink.ready.size() == 1);
    CHECK(rig.payloads()[0] == lengths({sps, h264_pps(), top, h264_pps(), bottom}));
    CHECK(rig.sink.ready[0].dts == 0);
    CHECK(rig.sink.ready[0].sync);
    // Of the next two, the first has lost its other field; then a frame picture.
    rig.unit(3600, annexb({h264_aud(), field(0x41, 1, 1)}));
    rig.unit(7200, annexb({h264_aud(), field(0x41, 2, 1), field(0x41, 2, 2)}));
    rig.unit(10'800, annexb({h264_aud(), field(0x41, 3, 0)}));
    REQUIRE(rig.reader.end_unit());
    REQUIRE(rig.sink.ready.size() == 4);
    CHECK(rig.payloads()[1] == lengths({field(0x41, 1, 1)}));
    CHECK(rig.payloads()[2] == lengths({field(0x41, 2, 1), field(0x41, 2, 2)}));
    CHECK(rig.payloads()[3] == lengths({field(0x41, 3, 0)}));
    CHECK(rig.sink.ready[3].dts == 10'800);
    CHECK(!rig.sink.ready[2].sync);
  }
}

TEST_CASE("a sync frame without parameter sets gets the last ones in front") {
  Rig rig;
  rig.unit(0, annexb({h264_aud(), h264_sps(), h264_pps(), idr}));
  rig.unit(3600, annexb({h264_aud(), idr}));
  rig.unit(7200, annexb({h264_aud(), test::recovery_point(), other}));
  rig.unit(10'800, annexb({h264_aud(), other}));
  REQUIRE(rig.reader.end_unit());
  const auto payloads = rig.payloads();
  REQUIRE(payloads.size() == 4);
  CHECK(payloads[1] == lengths({h264_sps(), h264_pps(), idr}));
  CHECK(payloads[2] == lengths({h264_sps(), h264_pps(), test::recovery_point(), other}));
  CHECK(rig.sink.ready[2].sync);
  CHECK(payloads[3] == lengths({other}));
  CHECK(rig.sink.ready[1].payload[0].data() == rig.sink.ready[2].payload[0].data());
}

TEST_CASE("new parameter sets change the track and repeated ones do not") {
  Rig rig;
  rig.unit(0, annexb({h264_sps(), h264_pps(), idr}));
  rig.unit(3600, annexb({h264_sps(), h264_pps(), idr}));
  const auto& track = rig.sink.tracks[0];
  CHECK(rig.sink.tracks_version == 1);
  CHECK(track.width == 320);
  CHECK(track.height == 160);
  const auto config = codec::h264::parse_config(track.config);
  REQUIRE(config);
  CHECK(config->sps == std::vector<Bytes>{h264_sps()});
  CHECK(config->pps == std::vector<Bytes>{h264_pps()});
  rig.unit(7200, annexb({h264_sps(40), h264_pps(), idr}));
  CHECK(rig.sink.tracks_version == 2);
  CHECK(track.width == 640);
}

TEST_CASE("times that are missing are filled in with the last interval") {
  Rig rig;
  // Two pictures in each PES packet.
  for (std::int64_t unit = 0; unit < 3; ++unit) {
    rig.unit(9000 + 7200 * unit, annexb({h264_aud(), idr, h264_aud(), other}));
  }
  REQUIRE(rig.reader.end_unit());
  REQUIRE(rig.sink.ready.size() == 6);
  CHECK(rig.sink.ready[1].dts == 9000 + 1500);  // nothing is known yet
  CHECK(rig.sink.ready[2].dts == 9000 + 7200);
  CHECK(rig.sink.ready[3].dts == 9000 + 7200 + 3600);
  CHECK(rig.sink.ready[3].pts == rig.sink.ready[3].dts + 3600);
  CHECK(rig.sink.ready[5].dts == 9000 + 14'400 + 3600);
}

TEST_CASE("a picture before the first timestamp is dropped") {
  Rig rig;
  rig.reader.begin_unit({});
  REQUIRE(rig.reader.take(annexb({idr})));
  rig.unit(0, annexb({idr}));
  REQUIRE(rig.reader.end_unit());
  CHECK(rig.sink.ready.size() == 1);
  CHECK(rig.sink.counters.untimed == 1);
}

TEST_CASE("dts rise and what goes back by more than a second is dropped") {
  Rig rig;
  for (const std::int64_t dts : {180'000, 180'000, 179'000, 80'000, 183'600}) {
    rig.unit(dts, annexb({idr}));
  }
  REQUIRE(rig.reader.end_unit());
  REQUIRE(rig.sink.ready.size() == 4);
  CHECK(rig.sink.ready[1].dts == 180'001);
  CHECK(rig.sink.ready[1].pts == 183'600);
  CHECK(rig.sink.ready[2].dts == 180'002);
  CHECK(rig.sink.ready[3].dts == 183'600);
  CHECK(rig.sink.counters.went_back == 1);
}

TEST_CASE("a PES packet without a picture belongs to the picture in the next one") {
  Rig rig;
  rig.unit(9000, annexb({h264_aud(), h264_sps(), h264_pps()}));
  REQUIRE(rig.reader.end_unit());
  rig.reader.begin_unit({});
  REQUIRE(rig.reader.take(annexb({idr})));
  REQUIRE(rig.reader.end_unit());
  REQUIRE(rig.sink.ready.size() == 1);
  CHECK(rig.payloads()[0] == lengths({h264_sps(), h264_pps(), idr}));
  CHECK(rig.sink.ready[0].dts == 9000);
}

TEST_CASE("ends are not believed any more when a picture goes on behind one") {
  const Bytes half = h264_slice({.first_mb = 50});
  for (const bool is_inside_nal : {false, true}) {
    CAPTURE(is_inside_nal);
    Rig rig;
    rig.unit(0, annexb({h264_aud(), idr}));
    REQUIRE(rig.reader.end_unit());
    CHECK(rig.sink.ready.size() == 1);
    rig.reader.begin_unit({});
    REQUIRE(rig.reader.take(is_inside_nal ? Bytes(20, std::byte{0x55}) : annexb({half})));
    REQUIRE(rig.reader.end_unit());
    CHECK(rig.sink.counters.headless == 1);
    rig.unit(3600, annexb({h264_aud(), other}));
    REQUIRE(rig.reader.end_unit());
    rig.reader.begin_unit({});
    REQUIRE(rig.reader.take(annexb({half})));
    REQUIRE(rig.reader.end_unit());
    CHECK(rig.sink.ready.size() == 1);
    rig.unit(7200, annexb({h264_aud(), other}));
    REQUIRE(rig.sink.ready.size() == 2);
    CHECK(rig.payloads()[1] == lengths({other, half}));
  }
}

TEST_CASE("H.265 pictures end with their delimiter or their first slice") {
  Rig rig(media::Codec::h265);
  const Bytes aud = test::bytes({0x46, 0x01, 0x50});
  const Bytes idr_picture = test::bytes({0x26, 0x01, 0xAF, 1, 2, 3});
  const Bytes cra = test::bytes({0x2A, 0x01, 0xAF, 1, 2, 3});
  const Bytes trail = test::bytes({0x02, 0x01, 0xD0, 4, 5, 6});
  const Bytes more = test::bytes({0x02, 0x01, 0x50, 4, 5, 6});
  const Bytes suffix = test::bytes({0x50, 0x01, 0x84, 1, 7, 0x80});
  const Bytes filler = test::bytes({0x4C, 0x01, 0xFF, 0x80});
  const Bytes layer = test::bytes({0x02, 0x09, 0xD0, 4, 5, 6});  // of a layer above
  rig.unit(0, annexb({aud, idr_picture, suffix, aud, trail, more, filler, layer, trail, aud, cra}));
  REQUIRE(rig.reader.end_unit());
  const auto payloads = rig.payloads();
  REQUIRE(payloads.size() == 4);
  CHECK(payloads[0] == lengths({idr_picture, suffix}));
  CHECK(payloads[1] == lengths({trail, more, layer}));
  CHECK(payloads[2] == lengths({trail}));
  CHECK(payloads[3] == lengths({cra}));
  CHECK(rig.sink.ready[0].sync);
  CHECK(!rig.sink.ready[1].sync);
  CHECK(rig.sink.ready[3].sync);
}

TEST_CASE("a frame beyond the limit is lost and the next one is whole") {
  Rig rig(media::Codec::h264, AccessUnitReader::unit_bytes_max + (4 << 20), 1 << 20);
  const Bytes part(1 << 20, std::byte{0x55});
  rig.unit(0, annexb({idr}));
  // The length field and what there is count too.
  for (std::size_t size = 0; size < AccessUnitReader::unit_bytes_max; size += part.size()) {
    REQUIRE(rig.reader.take(part));
  }
  CHECK(rig.sink.counters.too_large == 1);
  REQUIRE(rig.reader.take(annexb({other})));  // until the next PES packet
  rig.unit(3600, annexb({h264_aud(), other}));
  REQUIRE(rig.reader.end_unit());
  REQUIRE(rig.payloads().size() == 1);
  CHECK(rig.payloads()[0] == lengths({other}));
}

TEST_CASE("parameter sets without a picture are bounded too") {
  Rig rig(media::Codec::h264, AccessUnitReader::unit_bytes_max + (4 << 20), 1 << 20);
  const Bytes pps = Bytes{std::byte{0x68}} + Bytes(100'000, std::byte{0x55});
  rig.begin(0);
  for (std::size_t size = 0; size < AccessUnitReader::unit_bytes_max; size += pps.size()) {
    REQUIRE(rig.reader.take(annexb({pps})));
  }
  CHECK(rig.sink.counters.too_large == 1);
  CHECK(rig.pool.held_count() <= 1);
}

TEST_CASE("a full arena is an error and after a loss the reader goes on") {
  Rig rig(media::Codec::h264, 4 * 4096, 4096);
  rig.begin(0);
  const Bytes part(4096, std::byte{0x55});
  REQUIRE(rig.reader.take(annexb({idr})));
  base::Result<void> taken;
  for (int count = 0; count < 5 && taken; ++count) taken = rig.reader.take(part);
  CHECK(!taken);
  rig.reader.on_loss();
  CHECK(rig.pool.held_count() <= 1);
  rig.unit(3600, annexb({h264_aud(), idr}));
  REQUIRE(rig.reader.end_unit());
  CHECK(rig.payloads() == std::vector<Bytes>{lengths({idr})});
}

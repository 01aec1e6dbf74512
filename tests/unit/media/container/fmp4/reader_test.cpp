// What the reader makes of fragments built by hand, wherever the network cuts them.
#include "relay/media/container/fmp4/reader.hpp"

#include <doctest/doctest.h>

#include "tests/unit/media/container/fmp4/reader_rig.hpp"

using media::Codec;
using test::Bytes;
using test::Fields;
using test::join;
using test::ReaderRig;
using test::Seen;

namespace {

Bytes two_tracks() {
  return test::moov(
      {{.id = 1}, {.id = 2, .handler = "soun", .entry = test::mp3_entry(), .timescale = 2000}});
}

// Video of 40 ms and audio of 20 ms, interleaved: v0 a0 a20 v40 a40 a60.
struct Interleaved {
  Bytes v0 = test::noise(30, 1), v40 = test::noise(20, 2);
  Bytes a0 = test::noise(5, 3), a20 = test::noise(6, 4);
  Bytes a40 = test::noise(7, 5), a60 = test::noise(8, 6);
  Bytes moof = test::moof_of({{.track = 1, .data = 0, .samples = {{30, 40}}},
                              {.track = 2, .data = 30, .samples = {{5, 40}, {6, 40}}},
                              {.track = 1, .dts = 40, .data = 41, .samples = {{20, 40, 0x10000}}},
                              {.track = 2, .dts = 80, .data = 61, .samples = {{7, 40}, {8, 40}}}});
  Bytes data = join({v0, a0, a20, v40, a40, a60});
  std::vector<Seen> expected = {{0, true, 0, 0, 40, v0},    {1, true, 0, 0, 40, a0},
                                {1, true, 40, 40, 40, a20}, {0, false, 40, 40, 40, v40},
                                {1, true, 80, 80, 40, a40}, {1, true, 120, 120, 40, a60}};
};

Bytes with_junk(const Bytes& moof, const Bytes& data) {
  const Bytes free = test::large_box("free", Bytes(9));
  return join({test::ftyp(), free, two_tracks(), test::box("styp"), test::full_box("sidx", 0, 0),
               test::full_box("emsg", 1, 0, Bytes(30)), test::box("uuid", Bytes(16)),
               test::full_box("prft", 0, 0, Bytes(16)), moof, test::box("mdat", data),
               test::box("skip"), test::box("abcd", Bytes(3)), test::box("mfra", Bytes(40))});
}

}  // namespace

TEST_CASE("a fragment reads the same wherever the network cuts it") {
  const Interleaved fragment;
  const Bytes body = with_junk(fragment.moof, fragment.data);
  for (std::size_t cut = 0; cut <= body.size(); ++cut) {
    ReaderRig rig(64 << 10, 4 << 10);
    REQUIRE(rig.feed(std::span(body).first(cut)));
    REQUIRE(rig.feed(std::span(body).subspan(cut)));
    REQUIRE(rig.samples == fragment.expected);
  }
  for (const std::size_t step : {1U, 2U, 7U, 61U}) {
    ReaderRig rig(64 << 10, 4 << 10);
    REQUIRE(rig.feed(body, step));
    CHECK(rig.samples == fragment.expected);
  }
}

TEST_CASE("a sample leaves with its last byte and not with the fragment") {
  const Interleaved fragment;
  const Bytes body = join({two_tracks(), fragment.moof, test::box("mdat", fragment.data)});
  const std::size_t data_at = body.size() - fragment.data.size();
  const std::size_t ends[] = {30, 35, 41, 61, 68, 76};
  ReaderRig rig;
  std::size_t at = 0;
  for (std::size_t index = 0; index < std::size(ends); ++index) {
    const std::size_t end = data_at + ends[index];
    REQUIRE(rig.feed(std::span(body).subspan(at, end - 1 - at)));
    CHECK(rig.samples.size() == index);
    REQUIRE(rig.feed(std::span(body).subspan(end - 1, 1)));
    CHECK(rig.samples.size() == index + 1);
    at = end;
  }
}

TEST_CASE("payload is cut in place") {
  const Interleaved fragment;
  const Bytes body = join({two_tracks(), fragment.moof, test::box("mdat", fragment.data)});
  ReaderRig rig;
  std::span<const std::byte> rest(body);
  const auto window = rig.receive(rest, body.size());
  REQUIRE(rig.reader.feed(window));
  const auto sample = rig.reader.poll();
  REQUIRE(sample);
  REQUIRE(sample->payload.count() == 1);
  CHECK(sample->payload[0].data() == window.data() + body.size() - fragment.data.size());
}

TEST_CASE("samples over several boxes of media data with other boxes between") {
  const Interleaved fragment;
  const auto part = [&](std::size_t from, std::size_t to) {
    return Bytes(fragment.data.begin() + static_cast<std::ptrdiff_t>(from),
                 fragment.data.begin() + static_cast<std::ptrdiff_t>(to));
  };
  // Each run's offset grows by the headers between.
  const Bytes moof =
      test::moof_of({{.track = 1, .data = 0, .samples = {{30, 40}}},
                     {.track = 2, .data = 30 + 8, .samples = {{5, 40}, {6, 40}}},
                     {.track = 1, .dts = 40, .data = 41 + 27, .samples = {{20, 40, 0x10000}}},
                     {.track = 2, .dts = 80, .data = 61 + 27, .samples = {{7, 40}, {8, 40}}}});
  const Bytes body =
      join({two_tracks(), moof, test::box("mdat", part(0, 30)), test::box("mdat", part(30, 41)),
            test::box("free", Bytes(3)), test::box("mdat", part(41, 76))});
  for (const std::size_t step : {1U, 1000U}) {
    ReaderRig rig;
    REQUIRE(rig.feed(body, step));
    CHECK(rig.samples == fragment.expected);
  }
}

TEST_CASE("media data may go to the end or have a size of 64 bits") {
  const Interleaved fragment;
  const Bytes to_end = Fields().u32(0).text("mdat").add(fragment.data).zeros(50).bytes;
  ReaderRig rig;
  REQUIRE(rig.feed(join({two_tracks(), fragment.moof, to_end})));
  CHECK(rig.samples == fragment.expected);
  // The large header moves the data by eight bytes.
  const Bytes moof = test::moof_of({{.track = 1, .data = 8, .samples = {{30, 40}}}});
  ReaderRig large;
  REQUIRE(large.feed(join({two_tracks(), moof, test::large_box("mdat", fragment.v0)})));
  CHECK(large.samples == std::vector<Seen>{{0, true, 0, 0, 40, fragment.v0}});
}

TEST_CASE("fragments with absolute offsets count from the first byte of the body") {
  const Bytes head = join({test::ftyp(), two_tracks()});
  const Bytes data = test::noise(10, 1);
  Bytes body = head;
  for (std::uint32_t round = 0; round < 3; ++round) {
    const Bytes run = test::trun(1, 0x301, Fields().u32(0).u32(40).u32(10).bytes);
    const auto build = [&](std::uint64_t at) {
      return test::moof({join({test::tfhd(1, 1, Fields().u64(at).bytes), run})});
    };
    const Bytes moof = build(body.size() + build(0).size() + 8);
    body = join({body, moof, test::box("mdat", data)});
  }
  ReaderRig rig;
  REQUIRE(rig.feed(body, 11));
  REQUIRE(rig.samples.size() == 3);
  for (const Seen& seen : rig.samples) CHECK(seen.payload == data);
  CHECK(rig.samples[2].dts == 80);
}

TEST_CASE("samples of unknown codecs are passed over") {
  const Bytes moov = test::moov({{.id = 1, .entry = test::video_entry("mp4v", {})},
                                 {.id = 2, .handler = "soun", .entry = test::mp3_entry()}});
  const Bytes moof = test::moof_of({{.track = 1, .data = 0, .samples = {{1000, 40}}},
                                    {.track = 2, .data = 1000, .samples = {{5, 40}}}});
  const Bytes data = test::noise(1005, 1);
  ReaderRig rig;
  REQUIRE(rig.feed(join({moov, moof, test::box("mdat", data)})));
  REQUIRE(rig.samples.size() == 1);
  CHECK(rig.samples[0].track == 1);
  CHECK(rig.samples[0].payload == Bytes(data.end() - 5, data.end()));
  REQUIRE(rig.reader.tracks().size() == 2);
  CHECK(rig.reader.tracks()[0].codec == Codec::unknown);
}

TEST_CASE("a second movie header replaces the tracks after the samples before it") {
  const Bytes first = test::moov({{.id = 1}});
  const Bytes second = test::moov({{.id = 5, .entry = test::video_entry("mp4v", {})},
                                   {.id = 6, .handler = "soun", .entry = test::mp3_entry()}});
  const Bytes data = test::noise(10, 1);
  const Bytes body =
      join({first, test::moof_of({{.track = 1, .samples = {{10}}}}), test::box("mdat", data),
            second, test::moof_of({{.track = 6, .samples = {{10}}}}), test::box("mdat", data)});
  for (const std::size_t step : {1U, 10'000U}) {
    ReaderRig rig;
    std::span<const std::byte> rest(body);
    std::vector<std::uint32_t> versions;
    std::vector<Codec> codecs;
    while (!rest.empty()) {
      REQUIRE(rig.reader.feed(rig.receive(rest, step)));
      while (const auto sample = rig.reader.poll()) {
        versions.push_back(rig.reader.tracks_version());
        codecs.push_back(rig.reader.tracks()[sample->track].codec);
      }
    }
    CHECK(versions == std::vector<std::uint32_t>{1, 2});
    CHECK(codecs == std::vector<Codec>{Codec::vp9, Codec::mp3});
  }
}

TEST_CASE("a repeated movie header changes nothing") {
  const Bytes data = test::noise(10, 1);
  const Bytes segment = join(
      {two_tracks(), test::moof_of({{.track = 1, .samples = {{10}}}}), test::box("mdat", data)});
  ReaderRig rig;
  REQUIRE(rig.feed(join({segment, segment, segment})));
  CHECK(rig.samples.size() == 3);
  CHECK(rig.reader.tracks_version() == 1);
  CHECK(rig.reader.tracks()[0].frames == 3);
}

TEST_CASE("the end gives out what is whole behind a movie header too") {
  const Interleaved fragment;
  const Bytes end = join(
      {two_tracks(), fragment.moof, Fields().u32(8 + 76).text("mdat").add(fragment.data).bytes});
  const Bytes cut(end.begin(), end.end() - 1);
  const Bytes body = join({with_junk(fragment.moof, fragment.data), cut});
  ReaderRig rig;
  std::span<const std::byte> rest(body);
  while (!rest.empty()) REQUIRE(rig.reader.feed(rig.receive(rest, 1 << 20)));
  rig.finish();
  CHECK(rig.samples.size() == 11);
  CHECK(rig.reader.counters().cut_samples == 1);
  // Audio that was stored before the cut comes out although its video never came.
  ReaderRig early;
  REQUIRE(early.feed(std::span(body).first(body.size() - cut.size())));
  early.samples.clear();
  const Bytes moof = test::moof_of({{.track = 2, .data = 0, .samples = {{5, 40}}},
                                    {.track = 1, .data = 5, .samples = {{30, 40}}},
                                    {.track = 2, .dts = 40, .data = 35, .samples = {{5, 40}}}});
  REQUIRE(early.feed(join({moof, Fields().u32(8 + 40).text("mdat").zeros(20).bytes})));
  early.finish();
  CHECK(early.samples.size() == 1);
  CHECK(early.reader.counters().cut_samples == 2);
}

TEST_CASE("sync frames of H.264 get parameter sets and broken ones are counted") {
  const Bytes moov = test::moov(
      {{.entry = test::video_entry("avc1", test::avcc(2, {test::sps()}, {test::pps()}))}});
  const Bytes idr = Fields().u16(2).u16(0x6588).bytes;
  const Bytes broken = Fields().u16(3).u16(0x4188).bytes;
  const Bytes body =
      join({moov, test::moof_of({{.samples = {{4}, {4, 10, 0x10000}, {4, 10, 0x10000}}}}),
            test::box("mdat", join({idr, broken, idr}))});
  ReaderRig rig;
  REQUIRE(rig.feed(body, 3));
  REQUIRE(rig.samples.size() == 2);
  CHECK(rig.samples[0].payload == Fields()
                                      .u32(test::sps().size())
                                      .add(test::sps())
                                      .u32(test::pps().size())
                                      .add(test::pps())
                                      .u32(2)
                                      .u16(0x6588)
                                      .bytes);
  CHECK(rig.samples[1].payload == Fields().u32(2).u16(0x6588).bytes);
  CHECK(rig.samples[1].dts == 20);
  CHECK(rig.reader.counters().bad_samples == 1);
  CHECK(rig.reader.tracks()[0].frames == 2);
}

TEST_CASE("a configuration that only samples have becomes the track's") {
  const Bytes moov = test::moov({{.entry = test::video_entry("avc3", test::avcc(4, {}, {}))}});
  const Bytes sample = Fields()
                           .u32(test::sps().size())
                           .add(test::sps())
                           .u32(test::pps().size())
                           .add(test::pps())
                           .u32(2)
                           .u16(0x6588)
                           .bytes;
  const auto size = static_cast<std::uint32_t>(sample.size());
  ReaderRig rig;
  REQUIRE(rig.feed(moov));
  CHECK(rig.reader.tracks_version() == 1);
  CHECK(rig.reader.tracks()[0].config.empty());
  REQUIRE(rig.feed(join({test::moof_of({{.samples = {{size}, {size}}}}),
                         test::box("mdat", join({sample, sample}))})));
  CHECK(rig.reader.tracks_version() == 2);
  CHECK_FALSE(rig.reader.tracks()[0].config.empty());
  REQUIRE(rig.samples.size() == 2);
  CHECK(rig.samples[0].payload == sample);
}

TEST_CASE("empty samples are counted") {
  ReaderRig rig;
  REQUIRE(rig.feed(join(
      {two_tracks(), test::moof_of({{.samples = {{0}, {5}, {0}}}}), test::box("mdat", Bytes(5))})));
  CHECK(rig.samples.size() == 1);
  CHECK(rig.samples[0].dts == 10);
  CHECK(rig.reader.counters().empty_samples == 2);
}

TEST_CASE("frames and their rate are counted") {
  std::vector<test::RunSample> samples(26, {1, 40});
  ReaderRig rig;
  REQUIRE(rig.feed(
      join({two_tracks(), test::moof_of({{.samples = samples}}), test::box("mdat", Bytes(26))})));
  CHECK(rig.reader.tracks()[0].frames == 26);
  CHECK(rig.reader.tracks()[0].rate.per_1000_s() == 25'000);
}

TEST_CASE("where bytes are lost the boxes are followed and the next fragment is whole") {
  const Interleaved fragment;
  const Bytes later = test::moof_of({{.track = 1, .dts = 500, .data = 0, .samples = {{9, 40}}}});
  const Bytes body =
      join({two_tracks(), fragment.moof, test::box("mdat", fragment.data), test::box("free"),
            fragment.moof, test::box("mdat", fragment.data), later, test::box("mdat", Bytes(9))});
  const Seen last{0, true, 500, 500, 40, Bytes(9)};
  const std::size_t header = two_tracks().size();
  const std::size_t data = header + fragment.moof.size() + 8;
  const std::size_t end = body.size() - later.size() - 8 - 9;
  for (std::size_t from = header; from <= end; from += 3) {
    for (const std::size_t to : {from + 1, from + 40, data + 76, end}) {
      if (to <= from || to > end) continue;
      ReaderRig rig;
      REQUIRE(rig.feed(std::span(body).first(from)));
      const std::size_t before = rig.samples.size();
      {
        // Whoever keeps a window on it shows it.
        Bytes lost(body.begin() + static_cast<std::ptrdiff_t>(from),
                   body.begin() + static_cast<std::ptrdiff_t>(to));
        REQUIRE(rig.reader.lose(lost));
        std::fill(lost.begin(), lost.end(), std::byte{0xEE});
      }
      rig.drain();
      CHECK(rig.samples.size() == before);
      REQUIRE(rig.feed(std::span(body).subspan(to)));
      REQUIRE(!rig.samples.empty());
      CHECK(rig.samples.back() == last);
      // Each fragment's samples are those before the loss, or all.
      const std::size_t whole = fragment.expected.size();
      CHECK(rig.samples.size() + rig.reader.counters().lost_samples == 2 * whole + 1);
      for (std::size_t index = 0; index + 1 < rig.samples.size(); ++index) {
        CHECK(std::ranges::find(fragment.expected, rig.samples[index]) != fragment.expected.end());
      }
    }
  }
}

TEST_CASE("a movie header may come while bytes are lost and an error there still ends it") {
  ReaderRig rig;
  REQUIRE(rig.reader.lose(join({test::ftyp(), two_tracks()})));
  const Interleaved fragment;
  REQUIRE(rig.feed(join({fragment.moof, test::box("mdat", fragment.data)})));
  CHECK(rig.samples == fragment.expected);
  const auto lost = rig.reader.lose(Fields().u32(4).text("free").bytes);
  REQUIRE(!lost);
  CHECK(lost.error() == fmp4::Errc::bad_box_size);
  CHECK(rig.feed(Bytes(1)).error() == fmp4::Errc::bad_box_size);
}

TEST_CASE("a body that was no movie is told at its end and what the end cut is counted") {
  ReaderRig empty;
  CHECK(empty.reader.finish());
  ReaderRig none;
  REQUIRE(none.feed(test::ftyp()));
  CHECK(none.reader.finish().error() == fmp4::Errc::no_moov);
  ReaderRig cut;
  REQUIRE(cut.feed(two_tracks()));
  CHECK(cut.reader.finish());
  CHECK(cut.reader.counters().cut_boxes == 0);
  ReaderRig inside;
  REQUIRE(inside.feed(join({two_tracks(), Fields().u32(50).text("fr").bytes})));
  CHECK(inside.reader.finish());
  CHECK(inside.reader.finish());
  CHECK(inside.reader.counters().cut_boxes == 1);
}

#include <doctest/doctest.h>

#include "relay/media/container/fmp4/writer.hpp"
#include "tests/unit/media/container/fmp4/tracks.hpp"

using media::Codec;
using media::Track;
using test::BoxNode;
using test::Bytes;

namespace {

constexpr std::size_t visual_entry_bytes = 78;
constexpr std::size_t audio_entry_bytes = 28;

BoxNode init_of(const std::vector<Track>& tracks) {
  return test::parse_file(fmp4::write_init(tracks));
}

// The only entry of a track's stsd, with its fields before `fields` bytes as payload and the boxes
// behind them as children.
BoxNode entry_of(const BoxNode& trak, std::size_t fields) {
  auto in = trak.at("mdia/minf/stbl/stsd").reader();
  in.u32();
  CHECK(in.u32() == 1);
  auto entries = test::parse_boxes(in.rest());
  REQUIRE(entries.size() == 1);
  BoxNode entry = entries[0];
  REQUIRE(entry.payload.size() > fields);
  entry.children = test::parse_boxes(std::span(entry.payload).subspan(fields));
  entry.payload.resize(fields);
  return entry;
}

BoxNode entry_of(const Track& track, std::size_t fields) {
  return entry_of(init_of({track}).at("moov/trak"), fields);
}

// The object type and the decoder's information of an esds.
std::pair<unsigned, Bytes> parse_esds(const BoxNode& esds) {
  auto in = esds.reader();
  in.u32();
  const auto tag = [&in](unsigned expected) {
    CHECK(in.u8() == expected);
    std::size_t size = 0;
    for (unsigned byte = 0x80; (byte & 0x80) != 0;) {
      byte = in.u8();
      size = size << 7 | (byte & 0x7F);
    }
    return size;
  };
  const std::size_t stream_bytes = tag(3);
  CHECK(stream_bytes == in.remaining());
  in.skip(3);
  const std::size_t decoder_bytes = tag(4);
  base::ByteReader decoder(in.take(decoder_bytes));
  const unsigned object_type = decoder.u8();
  CHECK(decoder.u8() == 0x15);
  decoder.skip(11);
  Bytes info;
  if (decoder.remaining() > 0) {
    CHECK(decoder.u8() == 5);
    decoder.skip(3);
    const std::size_t info_bytes = decoder.u8();
    CHECK(info_bytes == decoder.remaining());
    info.assign(decoder.rest().begin(), decoder.rest().end());
  }
  CHECK(tag(6) == 1);
  CHECK(in.u8() == 2);
  CHECK(in.remaining() == 0);
  CHECK(in.ok());
  return {object_type, info};
}

}  // namespace

TEST_CASE("an initialisation segment describes its tracks and has no samples") {
  Track video = test::h264_track();
  Track audio = test::aac_track();
  audio.language = "deu";
  const BoxNode file = init_of({video, audio});
  REQUIRE(file.children.size() == 2);
  CHECK(file.at("ftyp").payload ==
        test::bytes_of({'i', 's', 'o', '6', 0,   0,   0,   0,   'i', 's',
                        'o', '5', 'i', 's', 'o', '6', 'm', 'p', '4', '1'}));
  const BoxNode& moov = file.at("moov");
  CHECK(moov.count("trak") == 2);
  CHECK(moov.at("mvhd").payload.size() == 100);

  auto tkhd = moov.at("trak").at("tkhd").reader();
  CHECK(tkhd.u32() == 3);
  tkhd.skip(8);
  CHECK(tkhd.u32() == 1);
  tkhd.skip(60);
  CHECK(tkhd.u32() == 1280U << 16);
  CHECK(tkhd.u32() == 720U << 16);
  CHECK((tkhd.ok() && tkhd.remaining() == 0));

  auto mdhd = moov.at("trak", 1).at("mdia/mdhd").reader();
  mdhd.skip(12);
  CHECK(mdhd.u32() == 48'000);
  CHECK(mdhd.u32() == 0);
  CHECK(mdhd.u16() == (4U << 10 | 5U << 5 | 21U));
  auto undetermined = moov.at("trak").at("mdia/mdhd").reader();
  undetermined.skip(20);
  CHECK(undetermined.u16() == 0x55C4);

  for (const char* table : {"stts", "stsc", "stsz", "stco"}) {
    auto in = moov.at("trak").at("mdia/minf/stbl").at(table).reader();
    while (in.remaining() > 0) CHECK(in.u8() == 0);
  }
  CHECK(moov.at("mvex").count("trex") == 2);
  CHECK(moov.at("mvex").at("trex").payload ==
        test::bytes_of(
            {0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0x0B, 0xB8, 0, 0, 0, 0, 1, 1, 0, 0}));
  CHECK(moov.at("mvex").at("trex", 1).payload ==
        test::bytes_of({0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 4, 0, 0, 0, 0, 0, 2, 0, 0, 0}));
}

TEST_CASE("H.264 is avc3 with lengths of four bytes") {
  const BoxNode entry = entry_of(test::h264_track(), visual_entry_bytes);
  CHECK(entry.type == "avc3");
  auto in = entry.reader();
  in.skip(6);
  CHECK(in.u16() == 1);
  in.skip(16);
  CHECK(in.u16() == 1280);
  CHECK(in.u16() == 720);
  Bytes expected = test::h264_track().config;
  CHECK(expected[4] == std::byte{0xFD});
  expected[4] = std::byte{0xFF};
  CHECK(entry.at("avcC").payload == expected);
}

TEST_CASE("H.265 is hev1 whose parameter sets are not complete") {
  const BoxNode entry = entry_of(test::h265_track(), visual_entry_bytes);
  CHECK(entry.type == "hev1");
  Bytes expected = test::h265_track().config;
  expected[21] = std::byte{0x0F};
  expected[23] = std::byte{0x20};
  expected[30] = std::byte{0x21};
  CHECK(entry.at("hvcC").payload == expected);
}

TEST_CASE("a cut hvcC is passed on as it is") {
  const Bytes whole = test::h265_track().config;
  for (std::size_t size = 23; size < whole.size(); ++size) {
    Track track = test::h265_track();
    track.config.resize(size);
    CHECK(entry_of(track, visual_entry_bytes).at("hvcC").payload.size() == size);
  }
}

TEST_CASE("AV1 and VP9 have their configuration boxes") {
  const Bytes av1c = test::bytes_of({0x81, 8, 0x0C, 0, 0x0A, 1, 0});
  const BoxNode av1 = entry_of(test::video_track(Codec::av1, av1c), visual_entry_bytes);
  CHECK(av1.type == "av01");
  CHECK(av1.at("av1C").payload == av1c);
  const Bytes vpcc = test::bytes_of({1, 0, 0, 0, 0, 31, 0x82, 1, 1, 1, 0, 0});
  const BoxNode vp9 = entry_of(test::video_track(Codec::vp9, vpcc), visual_entry_bytes);
  CHECK(vp9.type == "vp09");
  CHECK(vp9.at("vpcC").payload == vpcc);
  // Without version and flags, as it lies in other containers.
  const Bytes record(vpcc.begin() + 4, vpcc.end());
  const Track bare = test::video_track(Codec::vp9, record);
  CHECK(entry_of(bare, visual_entry_bytes).at("vpcC").payload == vpcc);
}

TEST_CASE("AAC and MP3 are mp4a with object types of their own") {
  const BoxNode aac = entry_of(test::aac_track(), audio_entry_bytes);
  CHECK(aac.type == "mp4a");
  auto in = aac.reader();
  in.skip(16);
  CHECK(in.u16() == 2);
  CHECK(in.u16() == 16);
  in.skip(4);
  CHECK(in.u32() == 48'000U << 16);
  CHECK(parse_esds(aac.at("esds")) == std::pair{0x40U, test::bytes_of({0x11, 0x90})});
  const Track mp3 = test::audio_track(Codec::mp3, {}, 44'100);
  CHECK(parse_esds(entry_of(mp3, audio_entry_bytes).at("esds")) == std::pair{0x6BU, Bytes{}});
  const Track slow = test::audio_track(Codec::mp3, {}, 22'050);
  CHECK(parse_esds(entry_of(slow, audio_entry_bytes).at("esds")) == std::pair{0x69U, Bytes{}});
}

TEST_CASE("a sample rate beyond 16 bits is left to the configuration") {
  Track track = test::audio_track(Codec::aac, test::bytes_of({0x10, 0x10}), 96'000);
  const BoxNode entry = entry_of(track, audio_entry_bytes);
  auto in = entry.reader();
  in.skip(24);
  CHECK(in.u32() == 0);
}

TEST_CASE("Opus has its configuration box and 48 kHz") {
  Track track = test::opus_track();
  track.sample_rate = 0;
  const BoxNode entry = entry_of(track, audio_entry_bytes);
  CHECK(entry.type == "Opus");
  CHECK(entry.at("dOps").payload == track.config);
  auto in = entry.reader();
  in.skip(24);
  CHECK(in.u32() == 48'000U << 16);
}

TEST_CASE("tracks that are not known well enough are left out and keep their number") {
  Track unknown;
  Track no_config = test::h264_track();
  no_config.config.clear();
  Track no_size = test::h265_track();
  no_size.height = 0;
  Track no_clock = test::aac_track();
  no_clock.timescale = 0;
  Track huge = test::h264_track();
  huge.width = 65'536;
  const Track no_rate = test::audio_track(Codec::mp3, {}, 0);
  for (const Track& track : {unknown, no_config, no_size, no_clock, huge}) {
    CHECK(!fmp4::can_write(track));
  }
  CHECK(!fmp4::can_write(no_rate));
  const BoxNode file = init_of({unknown, no_config, test::aac_track()});
  CHECK(file.at("moov").count("trak") == 1);
  auto trex = file.at("moov/mvex/trex").reader();
  trex.skip(4);
  CHECK(trex.u32() == 3);
  CHECK(init_of({}).at("moov").count("trak") == 0);
}

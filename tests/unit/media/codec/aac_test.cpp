#include "relay/media/codec/aac.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/unit/media/codec/bit_writer.hpp"

namespace {
std::vector<std::byte> adts(unsigned frequency, unsigned channels, unsigned frame_bytes) {
  return test::BitWriter{}
      .bits(0xFFF1, 16)
      .bits(1, 2)
      .bits(frequency, 4)
      .bits(0, 1)
      .bits(channels, 3)
      .bits(0, 4)
      .bits(frame_bytes, 13)
      .bits(0x7FF, 11)
      .bits(0, 2)
      .end();
}
}  // namespace

TEST_CASE("an ADTS header tells rate and channels and length") {
  const auto header = codec::aac::parse_adts(adts(3, 2, 371));
  REQUIRE(header);
  CHECK(header->sample_rate == 48'000);
  CHECK(header->channels == 2);
  CHECK(header->frame_bytes == 371);
  CHECK(codec::aac::parse_adts(adts(4, 7, 8191))->sample_rate == 44'100);
  CHECK(codec::aac::parse_adts(adts(4, 7, 8191))->channels == 8);
}

TEST_CASE("what is no ADTS header is refused") {
  CHECK(!codec::aac::parse_adts({}));
  const auto good = adts(3, 2, 371);
  CHECK(!codec::aac::parse_adts(std::span(good).first(6)));
  CHECK(!codec::aac::parse_adts(std::span(good).subspan(1)));
  CHECK(!codec::aac::parse_adts(adts(13, 2, 371)));
  CHECK(!codec::aac::parse_adts(adts(3, 2, 6)));
  auto with_crc = adts(3, 2, 8);
  CHECK(codec::aac::parse_adts(with_crc));
  with_crc[1] = std::byte{0xF0};
  CHECK(!codec::aac::parse_adts(with_crc));
}

// The first of `ffmpeg -f lavfi -i sine=r=48000:d=0.1 -c:a aac -ac 2 x.aac`.
TEST_CASE("an ADTS header that ffmpeg wrote is read and made again") {
  const auto real = test::bytes({0xff, 0xf1, 0x4c, 0x80, 0x24, 0xff, 0xfc});
  const auto header = codec::aac::parse_adts(real);
  REQUIRE(header);
  CHECK(header->sample_rate == 48'000);
  CHECK(header->channels == 2);
  CHECK(header->frame_bytes == 295);
  CHECK(header->header_bytes == 7);
  CHECK(header->object_type == 2);
  CHECK(header->rate_index == 3);
  CHECK(header->channel_config == 2);
  CHECK(header->raw_blocks == 1);
  const auto record = codec::aac::make_config(*header);
  CHECK(record == test::bytes({0x11, 0x90}));
  const auto config = codec::aac::parse_config(record);
  REQUIRE(config);
  CHECK(std::ranges::equal(codec::aac::make_adts(*config, 288), real));
}

TEST_CASE("an ADTS header with a CRC is nine bytes and may announce several blocks") {
  auto bytes = adts(3, 2, 371);
  bytes[1] = std::byte{0xF0};
  bytes[6] |= std::byte{3};
  const auto header = codec::aac::parse_adts(bytes);
  REQUIRE(header);
  CHECK(header->header_bytes == 9);
  CHECK(header->raw_blocks == 4);
}

TEST_CASE("channels that only the frame tells make no record") {
  const auto header = codec::aac::parse_adts(adts(3, 0, 371));
  REQUIRE(header);
  CHECK(header->channels == 0);
  CHECK(codec::aac::make_config(*header).empty());
}

TEST_CASE("all that an ADTS header can say survives the way over a record") {
  for (unsigned word = 0; word < 4 * 13 * 8; ++word) {
    auto bytes = adts(word / 4 % 13, word / 4 / 13, 8191);
    bytes.resize(7);  // without the stop bit
    bytes[2] = (bytes[2] & std::byte{0x3F}) | std::byte(word % 4 << 6);
    const auto header = codec::aac::parse_adts(bytes);
    REQUIRE(header);
    const auto config = codec::aac::parse_config(codec::aac::make_config(*header));
    REQUIRE(config.has_value() == (header->channel_config != 0));
    if (!config) continue;
    CHECK(config->object_type == word % 4 + 1);
    CHECK(config->sample_rate == header->sample_rate);
    CHECK(config->channels == header->channels);
    CHECK(codec::aac::fits_adts(*config));
    CHECK(std::ranges::equal(codec::aac::make_adts(*config, codec::aac::adts_payload_bytes_max),
                             bytes));
  }
}

// From the esds of `ffmpeg -f lavfi -i sine=r=44100:d=0.1 -c:a aac -ac 2 x.mp4`, and with r=48000
// -ac 6: behind what we read they say that there is no SBR.
TEST_CASE("configurations that ffmpeg wrote are read") {
  const auto stereo = codec::aac::parse_config(test::bytes({0x12, 0x10, 0x56, 0xe5, 0x00}));
  REQUIRE(stereo);
  CHECK(stereo->object_type == 2);
  CHECK(stereo->sample_rate == 44'100);
  CHECK(stereo->channels == 2);
  CHECK(stereo->samples_per_frame == 1024);
  const auto surround = codec::aac::parse_config(test::bytes({0x11, 0xb0, 0x56, 0xe5, 0x00}));
  REQUIRE(surround);
  CHECK(surround->sample_rate == 48'000);
  CHECK(surround->channels == 6);
  CHECK(surround->channel_config == 6);
}

// Written by hand after 1.6.2.1; `ffprobe -v trace` reads the same cores out of an esds with them.
TEST_CASE("explicit SBR and PS tell the core") {
  const auto sbr = codec::aac::parse_config(test::bytes({0x2b, 0x92, 0x08, 0x00}));
  REQUIRE(sbr);
  CHECK(sbr->object_type == 2);
  CHECK(sbr->sample_rate == 22'050);
  CHECK(sbr->rate_index == 7);
  CHECK(sbr->channels == 2);
  CHECK(codec::aac::fits_adts(*sbr));
  const auto ps = codec::aac::parse_config(test::bytes({0xeb, 0x8a, 0x08, 0x00}));
  REQUIRE(ps);
  CHECK(ps->object_type == 2);
  CHECK(ps->sample_rate == 22'050);
  CHECK(ps->channels == 1);
  // Backward compatible signalling: the same core.
  const auto quiet = codec::aac::parse_config(test::bytes({0x13, 0x90, 0x56, 0xe5, 0xa0}));
  REQUIRE(quiet);
  CHECK(quiet->sample_rate == 22'050);
}

TEST_CASE("a rate may be written out") {
  const auto parse = [](std::uint32_t hertz) {
    return codec::aac::parse_config(
        test::BitWriter{}.bits(2, 5).bits(15, 4).bits(hertz, 24).bits(2, 4).bits(0, 3).end());
  };
  REQUIRE(parse(37'800));
  CHECK(parse(37'800)->sample_rate == 37'800);
  CHECK(parse(37'800)->rate_index == 15);
  CHECK(!codec::aac::fits_adts(*parse(37'800)));
  REQUIRE(parse(48'000));
  CHECK(parse(48'000)->rate_index == 3);
  CHECK(codec::aac::fits_adts(*parse(48'000)));
  CHECK(!parse(0));
  const auto sbr = codec::aac::parse_config(test::BitWriter{}
                                                .bits(5, 5)
                                                .bits(15, 4)
                                                .bits(18'900, 24)
                                                .bits(1, 4)
                                                .bits(15, 4)
                                                .bits(37'800, 24)
                                                .bits(2, 5)
                                                .bits(0, 3)
                                                .end());
  REQUIRE(sbr);
  CHECK(sbr->sample_rate == 18'900);
}

TEST_CASE("what ADTS cannot say is read and does not fit") {
  // xHE-AAC (object type 42, escaped), 48 kHz, stereo
  const auto usac = codec::aac::parse_config(
      test::BitWriter{}.bits(31, 5).bits(10, 6).bits(3, 4).bits(2, 4).end());
  REQUIRE(usac);
  CHECK(usac->object_type == 42);
  CHECK(!codec::aac::fits_adts(*usac));
  const auto parse = [](unsigned channels, unsigned is_short) {
    return codec::aac::parse_config(
        test::BitWriter{}.bits(2, 5).bits(3, 4).bits(channels, 4).bits(is_short, 1).end());
  };
  CHECK(codec::aac::fits_adts(*parse(7, 0)));
  CHECK(parse(2, 1)->samples_per_frame == 960);
  CHECK(!codec::aac::fits_adts(*parse(2, 1)));
  CHECK(parse(0, 0)->channels == 0);
  CHECK(!codec::aac::fits_adts(*parse(0, 0)));
  CHECK(parse(12, 0)->channels == 8);
  CHECK(!codec::aac::fits_adts(*parse(12, 0)));
  CHECK(!parse(8, 0));
  CHECK(!parse(15, 0));
}

TEST_CASE("a configuration cut anywhere or without sense is refused") {
  for (const auto& whole : {test::bytes({0x12, 0x10}), test::bytes({0x2b, 0x92, 0x08}),
                            test::bytes({0xeb, 0x8a, 0x08})}) {
    CHECK(codec::aac::parse_config(whole));
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const std::vector<std::byte> head(whole.begin(),
                                        whole.begin() + static_cast<std::ptrdiff_t>(size));
      CHECK(!codec::aac::parse_config(head));
    }
  }
  CHECK(!codec::aac::parse_config(test::bytes({0x02, 0x10, 0})));        // object type 0
  CHECK(!codec::aac::parse_config(test::bytes({0x16, 0x90, 0})));        // rate index 13
  CHECK(!codec::aac::parse_config(test::bytes({0x2b, 0x96, 0x88, 0})));  // of SBR too
  // SBR of SBR
  CHECK(!codec::aac::parse_config(
      test::BitWriter{}.bits(5, 5).bits(7, 4).bits(2, 4).bits(4, 4).bits(5, 5).bits(0, 9).end()));
}

#include "relay/media/codec/mp3.hpp"

#include <doctest/doctest.h>

#include "tests/unit/media/codec/bit_writer.hpp"

using codec::mp3::FrameHeader;
using codec::mp3::parse_header;

namespace {

FrameHeader parse(std::initializer_list<unsigned> values) {
  const auto header = parse_header(test::bytes(values));
  REQUIRE(header);
  return *header;
}

void check(const FrameHeader& header, std::uint32_t rate, std::uint32_t channels,
           std::uint32_t bytes, std::uint32_t samples) {
  CHECK(header.sample_rate == rate);
  CHECK(header.channels == channels);
  CHECK(header.frame_bytes == bytes);
  CHECK(header.frame_samples == samples);
}

}  // namespace

// Heads of `ffmpeg -f lavfi -i sine=r=RATE -c:a libmp3lame -b:a …` and `-c:a mp2`, the sizes as
// `ffprobe -show_packets` tells them.
TEST_CASE("headers that encoders wrote tell rate and channels and size") {
  check(parse({0xff, 0xfb, 0x90, 0xc0}), 44'100, 1, 417, 1152);  // r=44100 -b:a 128k
  check(parse({0xff, 0xfb, 0x92, 0xc0}), 44'100, 1, 418, 1152);  // the same, padded
  check(parse({0xff, 0xf3, 0x80, 0xc4}), 22'050, 1, 208, 576);   // r=22050 -b:a 64k
  check(parse({0xff, 0xe3, 0x40, 0xc4}), 11'025, 1, 208, 576);   // r=11025 -b:a 32k
  check(parse({0xff, 0xfd, 0xa4, 0x04}), 48'000, 2, 576, 1152);  // mp2, r=48000 -b:a 192k
}

TEST_CASE("layer I counts in slots of four bytes") {
  // 384 kbit/s at 44 100 Hz: 104 slots and a half
  check(parse({0xff, 0xff, 0xc0, 0x00}), 44'100, 2, 416, 384);
  check(parse({0xff, 0xff, 0xc2, 0x00}), 44'100, 2, 420, 384);
  check(parse({0xff, 0xf7, 0xe4, 0x00}), 24'000, 2, 512, 384);  // MPEG-2, 256 kbit/s
}

TEST_CASE("each version has rates of its own") {
  check(parse({0xff, 0xfb, 0xe8, 0x40}), 32'000, 2, 1440, 1152);  // 320 kbit/s
  check(parse({0xff, 0xf3, 0xe8, 0x40}), 16'000, 2, 720, 576);    // 160 kbit/s
  check(parse({0xff, 0xe3, 0x18, 0x40}), 8'000, 2, 72, 576);      // 8 kbit/s
  check(parse({0xff, 0xf5, 0x14, 0x40}), 24'000, 2, 48, 1152);    // layer II, 8 kbit/s
  check(parse({0xff, 0xfd, 0xe4, 0x40}), 48'000, 2, 1152, 1152);  // layer II, 384 kbit/s
}

TEST_CASE("what is no MPEG audio header is refused") {
  const auto good = test::bytes({0xff, 0xfb, 0x90, 0xc0});
  for (std::size_t size = 0; size < 4; ++size) {
    const std::vector<std::byte> head(good.begin(),
                                      good.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK(!parse_header(head));
  }
  CHECK(!parse_header(test::bytes({0xff, 0xdb, 0x90, 0xc0})));  // sync
  CHECK(!parse_header(test::bytes({0xfe, 0xfb, 0x90, 0xc0})));
  CHECK(!parse_header(test::bytes({0xff, 0xeb, 0x90, 0xc0})));  // reserved version
  CHECK(!parse_header(test::bytes({0xff, 0xf9, 0x90, 0xc0})));  // reserved layer: ADTS
  CHECK(!parse_header(test::bytes({0xff, 0xfb, 0x00, 0xc0})));  // free bit rate
  CHECK(!parse_header(test::bytes({0xff, 0xfb, 0xf0, 0xc0})));  // no bit rate
  CHECK(!parse_header(test::bytes({0xff, 0xfb, 0x9c, 0xc0})));  // reserved sample rate
}

TEST_CASE("every header that is accepted has a frame longer than itself") {
  unsigned accepted = 0;
  for (unsigned second = 0xE0; second <= 0xFF; ++second) {
    for (unsigned third = 0; third <= 0xFF; ++third) {
      const auto header = parse_header(test::bytes({0xFF, second, third, 0}));
      if (!header) continue;
      ++accepted;
      CHECK(header->frame_bytes > codec::mp3::header_bytes);
      CHECK(header->frame_bytes <= 2881);  // MPEG-2.5 layer II, 160 kbit/s at 8 kHz, padded
      CHECK(header->sample_rate >= 8'000);
    }
  }
  CHECK(accepted == 3 * 3 * 2 * 14 * 3 * 4);
}

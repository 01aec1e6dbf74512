#include "relay/media/codec/opus.hpp"

#include <doctest/doctest.h>

#include "tests/unit/media/codec/bit_writer.hpp"

using codec::opus::Config;
using codec::opus::make_config;
using codec::opus::make_control_header;
using codec::opus::packet_duration;
using codec::opus::parse_config;
using codec::opus::parse_control_header;

namespace {

// `ffmpeg -f lavfi -i sine=r=48000:d=0.1 -c:a libopus -ac 2 x.mp4`, and with -ac 6
std::vector<std::byte> stereo() {
  return test::bytes({0x00, 0x02, 0x01, 0x38, 0x00, 0x00, 0xbb, 0x80, 0x00, 0x00, 0x00});
}
std::vector<std::byte> surround() {
  return test::bytes({0x00, 0x06, 0x01, 0x38, 0x00, 0x00, 0xbb, 0x80, 0x00, 0x00, 0x01, 0x04, 0x02,
                      0x00, 0x04, 0x01, 0x02, 0x03, 0x05});
}

std::uint32_t duration(unsigned toc, unsigned second = 0) {
  return packet_duration(test::bytes({toc, second}));
}

}  // namespace

TEST_CASE("a dOps tells channels and pre-skip and input rate") {
  const auto config = parse_config(stereo());
  REQUIRE(config);
  CHECK(config->channels == 2);
  CHECK(config->pre_skip == 312);
  CHECK(config->input_rate == 48'000);
  REQUIRE(parse_config(surround()));
  CHECK(parse_config(surround())->channels == 6);
}

TEST_CASE("a dOps of ours is the one that ffmpeg makes") {
  CHECK(make_config(*parse_config(stereo())) == stereo());
  CHECK(make_config(*parse_config(surround())) == surround());
  for (std::uint8_t channels = 1; channels <= 8; ++channels) {
    const auto config = parse_config(
        make_config({.channels = channels, .pre_skip = 0xFFFF, .input_rate = 0xFFFF'FFFF}));
    REQUIRE(config);
    CHECK(config->channels == channels);
    CHECK(config->pre_skip == 0xFFFF);
    CHECK(config->input_rate == 0xFFFF'FFFF);
  }
  CHECK(make_config({.channels = 0}).empty());
  CHECK(make_config({.channels = 9}).empty());
}

TEST_CASE("a dOps cut anywhere gives nothing") {
  for (const auto& record : {stereo(), surround()}) {
    for (std::size_t size = 0; size < record.size(); ++size) {
      const std::vector<std::byte> head(record.begin(),
                                        record.begin() + static_cast<std::ptrdiff_t>(size));
      CHECK(!parse_config(head));
    }
  }
}

TEST_CASE("a dOps that makes no sense is refused") {
  const auto with = [](std::vector<std::byte> record, std::size_t at, unsigned value) {
    record[at] = static_cast<std::byte>(value);
    return parse_config(record).has_value();
  };
  CHECK(with(stereo(), 1, 1));
  CHECK(!with(stereo(), 0, 1));       // version
  CHECK(!with(stereo(), 1, 0));       // no channels
  CHECK(!with(stereo(), 1, 3));       // more than family 0 has
  CHECK(!with(stereo(), 10, 1));      // a mapping that is not there
  CHECK(!with(surround(), 11, 0));    // no streams
  CHECK(!with(surround(), 11, 1));    // fewer than coupled ones
  CHECK(!with(surround(), 11, 254));  // 256 in all
  CHECK(!with(surround(), 13, 6));    // a channel that no stream has
  CHECK(with(surround(), 13, 255));   // silence
}

TEST_CASE("the first byte tells how long an Opus packet plays") {
  CHECK(packet_duration({}) == 0);
  CHECK(duration(0xfc) == 960);  // as libopus wrote it: CELT, full band, 20 ms, stereo
  CHECK(duration(0 << 3) == 480);
  CHECK(duration(3 << 3) == 2880);
  CHECK(duration(11 << 3) == 2880);
  CHECK(duration(12 << 3) == 480);
  CHECK(duration(15 << 3) == 960);
  CHECK(duration(16 << 3) == 120);
  CHECK(duration(31 << 3) == 960);
  CHECK(duration(31 << 3 | 1) == 1920);
  CHECK(duration(31 << 3 | 2) == 1920);
  CHECK(duration(3 << 3 | 2) == 5760);
  CHECK(packet_duration(test::bytes({16 << 3})) == 120);
}

TEST_CASE("an Opus packet says itself how many frames it has and plays at most 120 ms") {
  CHECK(duration(31 << 3 | 3, 6) == 5760);
  CHECK(duration(31 << 3 | 3, 0xC0 | 6) == 5760);
  CHECK(duration(31 << 3 | 3, 7) == 0);
  CHECK(duration(16 << 3 | 3, 48) == 5760);
  CHECK(duration(16 << 3 | 3, 49) == 0);
  CHECK(duration(3 << 3 | 3, 3) == 0);
  CHECK(duration(31 << 3 | 3, 0) == 0);
  CHECK(packet_duration(test::bytes({31 << 3 | 3})) == 0);
}

// The first and the last of `ffmpeg -f lavfi -i sine=r=48000:d=0.1 -c:a libopus -ac 2 x.ts`, and
// one between.
TEST_CASE("a control header tells size and trims") {
  const auto first = parse_control_header(test::bytes({0x7f, 0xf0, 0xff, 0xb8, 0x01, 0x38, 0xfc}));
  REQUIRE(first);
  CHECK(first->header_bytes == 6);
  CHECK(first->payload_bytes == 439);
  CHECK(first->start_trim == 312);
  CHECK(first->end_trim == 0);
  const auto middle = parse_control_header(test::bytes({0x7f, 0xe0, 0xff, 0x26, 0xfc, 0xb3}));
  REQUIRE(middle);
  CHECK(middle->header_bytes == 4);
  CHECK(middle->payload_bytes == 293);
  const auto last = parse_control_header(test::bytes({0x7f, 0xe8, 0xff, 0x9c, 0x02, 0x88, 0xfc}));
  REQUIRE(last);
  CHECK(last->header_bytes == 6);
  CHECK(last->payload_bytes == 411);
  CHECK(last->start_trim == 0);
  CHECK(last->end_trim == 648);
}

TEST_CASE("a control header with everything is read and cut anywhere gives nothing") {
  const auto whole = test::bytes({0x7f, 0xff, 0xff, 0xff, 0, 0xE0, 1, 0xFF, 0xFF, 2, 0xAA, 0xBB});
  const auto header = parse_control_header(whole);
  REQUIRE(header);
  CHECK(header->header_bytes == whole.size());
  CHECK(header->payload_bytes == 510);
  CHECK(header->start_trim == 1);  // without the reserved bits
  CHECK(header->end_trim == 0x1FFF);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::vector<std::byte> head(whole.begin(),
                                      whole.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK(!parse_control_header(head));
  }
}

TEST_CASE("what is no control header is refused") {
  CHECK(!parse_control_header(test::bytes({0x7f, 0xc0, 1})));
  CHECK(!parse_control_header(test::bytes({0x7e, 0xe0, 1})));
  CHECK(!parse_control_header(test::bytes({0xff, 0xe0, 1})));
}

TEST_CASE("a control header of ours is read again up to the limit") {
  CHECK(make_control_header(0) == test::bytes({0x7f, 0xe0, 0}));
  CHECK(make_control_header(254) == test::bytes({0x7f, 0xe0, 254}));
  CHECK(make_control_header(255) == test::bytes({0x7f, 0xe0, 0xff, 0}));
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{510}, std::size_t{511}, codec::opus::access_unit_bytes_max}) {
    const auto made = make_control_header(size);
    const auto header = parse_control_header(made);
    REQUIRE(header);
    CHECK(header->header_bytes == made.size());
    CHECK(header->payload_bytes == size);
  }
  CHECK(!parse_control_header(make_control_header(codec::opus::access_unit_bytes_max + 1)));
}

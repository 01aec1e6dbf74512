#include "relay/media/container/mpegts/pes_header.hpp"

#include <doctest/doctest.h>

#include "relay/media/container/mpegts/pes.hpp"
#include "tests/unit/media/container/mpegts/payload_rig.hpp"

using mpegts::PesHeader;
using test::Bytes;

namespace {
Bytes bytes_of(const PesHeader& header) { return {header.bytes().begin(), header.bytes().end()}; }
}  // namespace

TEST_CASE("a PES header has its stamps modulo 33 bits") {
  const std::int64_t pts = (std::int64_t{1} << 33) * 3 + 0x1'2345'6789;
  const PesHeader header({PesHeader::video_id, 100, pts, pts - 3000, false});
  CHECK(header.has_length());
  const Bytes bytes = bytes_of(header);
  REQUIRE(bytes.size() == 19);
  CHECK(bytes[4] == std::byte{0});
  CHECK(bytes[5] == std::byte{113});
  CHECK(bytes[7] == std::byte{0xC0});
  mpegts::PesTracker tracker;
  tracker.begin();
  tracker.take(bytes, false);
  CHECK(tracker.dts() == 0x1'2345'6789U - 3000);
  const PesHeader alone({PesHeader::audio_id, 5, -1, {}, false});
  const Bytes expected{std::byte{0},    std::byte{0},    std::byte{1},    std::byte{0xC0},
                       std::byte{0},    std::byte{13},   std::byte{0x80}, std::byte{0x80},
                       std::byte{5},    std::byte{0x2F}, std::byte{0xFF}, std::byte{0xFF},
                       std::byte{0xFF}, std::byte{0xFF}};
  CHECK(bytes_of(alone) == expected);
}

TEST_CASE("a length that does not fit 16 bits is not told") {
  CHECK(PesHeader({PesHeader::audio_id, PesHeader::payload_bytes_max, 0, {}, false}).has_length());
  const PesHeader header({PesHeader::video_id, PesHeader::payload_bytes_max + 1, 0, {}, true});
  CHECK(!header.has_length());
  const Bytes bytes = bytes_of(header);
  REQUIRE(bytes.size() == 15);
  CHECK(bytes[4] == std::byte{0});
  CHECK(bytes[5] == std::byte{0});
  CHECK(bytes[8] == std::byte{6});
  CHECK(bytes[14] == std::byte{0xFF});
}

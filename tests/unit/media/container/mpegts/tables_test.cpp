#include "relay/media/container/mpegts/tables.hpp"

#include <doctest/doctest.h>

#include "tests/unit/media/container/mpegts/packet_builder.hpp"

using media::Codec;
using media::Kind;
using test::Bytes;
using test::PacketBuilder;

namespace {
Bytes descriptor(unsigned tag, const std::string& data) {
  Bytes out{static_cast<std::byte>(tag), static_cast<std::byte>(data.size())};
  for (const char letter : data) out.push_back(static_cast<std::byte>(letter));
  return out;
}
Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}
}  // namespace

TEST_CASE("a PMT tells tracks with codecs and languages") {
  const auto tracks = mpegts::parse_pmt(PacketBuilder::make_pmt(
      1,
      {{0x1B, 256},
       {0x24, 257},
       {0x0F, 258, descriptor(0x0A, std::string("deu\0", 4)) + descriptor(0x0A, "fra")},
       {0x03, 259},
       {0x06, 260, descriptor(0x05, "Opus") + descriptor(0x7F, "\x80\x02")},
       {0x06, 261, descriptor(0x6A, "")},
       {0x06, 262, descriptor(0x59, "whatever")},
       {0x02, 263},
       {0x06, 264, descriptor(0x05, "AV01")},
       {0x1B, 256}},
      0));
  REQUIRE(tracks.size() == 9);
  CHECK(tracks[0].codec == Codec::h264);
  CHECK(tracks[0].kind == Kind::video);
  CHECK(tracks[1].codec == Codec::h265);
  CHECK(tracks[2].codec == Codec::aac);
  CHECK(tracks[2].language == "deu");
  CHECK(tracks[3].codec == Codec::mp3);
  CHECK(tracks[4].codec == Codec::opus);
  CHECK(tracks[4].channels == 2);
  CHECK(tracks[4].sample_rate == 48'000);
  CHECK(tracks[5].kind == Kind::audio);
  CHECK(tracks[6].kind == Kind::data);
  CHECK(tracks[7].kind == Kind::video);
  CHECK(tracks[7].codec == Codec::unknown);
  CHECK(tracks[8].codec == Codec::av1);
}

TEST_CASE("lengths that go beyond the section end the parse") {
  Bytes section =
      PacketBuilder::make_pmt(1, {{0x1B, 256}, {0x0F, 257, descriptor(0x0A, "deu")}}, 0);
  section[21] = std::byte{0x80};  // ES_info_length of the second stream
  CHECK(mpegts::parse_pmt(section).size() == 1);
  for (std::size_t size = 0; size < section.size(); ++size) {
    mpegts::parse_pmt(std::span(section).first(size));
    mpegts::parse_pat(std::span(section).first(size));
  }
}

TEST_CASE("a PAT tells programs without the network and not more than the bound") {
  Bytes body;
  for (unsigned number = 0; number < 30; ++number) {
    for (const unsigned value : {0U, number, 0xE1U, number}) {
      body.push_back(static_cast<std::byte>(value));
    }
  }
  const auto programs = mpegts::parse_pat(PacketBuilder::make_section(0, 1, 0, body));
  REQUIRE(programs.size() == mpegts::programs_max);
  CHECK(programs[0].number == 1);
  CHECK(programs[0].pmt_pid == 0x101);
}

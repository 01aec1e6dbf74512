#include "relay/media/container/mpegts/tables_writer.hpp"

#include <doctest/doctest.h>

#include "relay/media/codec/opus.hpp"
#include "relay/media/container/mpegts/section.hpp"
#include "relay/media/container/mpegts/tables.hpp"

using media::Codec;
using media::Track;

namespace {

Track track(Codec codec, std::uint32_t rate = 0, std::string language = {}) {
  Track out;
  out.codec = codec;
  out.sample_rate = rate;
  out.language = std::move(language);
  if (codec == Codec::opus) out.config = codec::opus::make_config({1, 0, 48'000});
  return out;
}

unsigned at(std::span<const std::byte> bytes, std::size_t index) {
  return std::to_integer<unsigned>(bytes[index]);
}

}  // namespace

TEST_CASE("a PAT names one program and its version") {
  const auto pat = mpegts::make_pat(0x1000, 31);
  CHECK(mpegts::crc32(pat) == 0);
  CHECK(pat.size() == 16);
  CHECK((at(pat, 5) >> 1 & 0x1F) == 31);
  const auto programs = mpegts::parse_pat(pat);
  REQUIRE(programs.size() == 1);
  CHECK(programs[0].number == 1);
  CHECK(programs[0].pmt_pid == 0x1000);
}

TEST_CASE("a PMT says codecs and languages as our reader reads them") {
  const std::vector<Track> tracks{track(Codec::h264),
                                  track(Codec::h265),
                                  track(Codec::aac, 48'000, "deu"),
                                  track(Codec::mp3, 44'100, "english"),
                                  track(Codec::mp3, 24'000),
                                  track(Codec::opus, 48'000, "fra")};
  std::vector<mpegts::ProgramStream> streams;
  for (const Track& each : tracks) {
    streams.push_back({static_cast<std::uint16_t>(0x100 + streams.size()), &each});
  }
  const auto pmt = mpegts::make_pmt(streams, 0x101, 3);
  CHECK(mpegts::crc32(pmt) == 0);
  CHECK(at(pmt, 0) == 2);
  CHECK((at(pmt, 5) >> 1 & 0x1F) == 3);
  CHECK((at(pmt, 8) << 8 | at(pmt, 9)) == 0xE101);
  const auto parsed = mpegts::parse_pmt(pmt);
  REQUIRE(parsed.size() == tracks.size());
  for (std::size_t index = 0; index < tracks.size(); ++index) {
    CHECK(parsed[index].id == 0x100 + index);
    CHECK(parsed[index].codec == tracks[index].codec);
    CHECK(parsed[index].language == (index == 3 ? "" : tracks[index].language));
  }
  CHECK(parsed[5].channels == 1);
}

TEST_CASE("a PMT of sixteen tracks with all descriptors is a section") {
  const Track opus = track(Codec::opus, 48'000, "fra");
  std::vector<mpegts::ProgramStream> streams(mpegts::tracks_max, {0x100, &opus});
  CHECK(mpegts::make_pmt(streams, 0x100, 0).size() == 12 + 4 + 16 * 21);
}

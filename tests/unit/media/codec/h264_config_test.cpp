#include "relay/media/codec/h264_config.hpp"

#include <doctest/doctest.h>

#include <utility>

#include "relay/media/codec/annexb.hpp"
#include "relay/media/codec/h264.hpp"
#include "tests/unit/media/codec/records.hpp"

using codec::h264::Config;
using codec::h264::make_config;
using codec::h264::parse_config;
using codec::h264::PictureFormat;

namespace {

std::vector<std::vector<std::byte>> real_records() {
  return {test::records::avcc_baseline(), test::records::avcc_high(),
          test::records::avcc_high_422(), test::records::avcc_high_444()};
}

std::vector<std::byte> rbsp(const std::vector<std::byte>& sps) {
  return codec::copy_without_emulation(std::span(sps).subspan(1));
}

Config config_with(std::size_t sps, std::size_t pps) {
  Config config = *parse_config(test::records::avcc_high());
  config.sps.resize(sps, config.sps.front());
  config.pps.resize(pps, config.pps.front());
  return config;
}

}  // namespace

TEST_CASE("an avcC tells its parameter sets") {
  const auto config = parse_config(test::records::avcc_high());
  REQUIRE(config);
  CHECK(config->length_bytes == 4);
  REQUIRE(config->sps.size() == 1);
  CHECK(config->sps[0].size() == 24);
  CHECK(codec::h264::parse_sps(rbsp(config->sps[0])) == codec::VideoSize{64, 48});
  REQUIRE(config->pps.size() == 1);
  CHECK(config->pps[0] == test::bytes({0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0}));
}

TEST_CASE("an avcC of ours is the one that ffmpeg makes of the same parameter sets") {
  for (const auto& record : real_records()) {
    const auto config = parse_config(record);
    REQUIRE(config);
    CHECK(make_config(*config) == record);
  }
}

TEST_CASE("chroma format and bit depths come from the SPS") {
  const auto format = [](const std::vector<std::byte>& record) {
    return codec::h264::parse_format(rbsp(parse_config(record)->sps[0]));
  };
  CHECK(!format(test::records::avcc_baseline()));
  CHECK(format(test::records::avcc_high()) == PictureFormat{1, 0, 0});
  CHECK(format(test::records::avcc_high_422()) == PictureFormat{2, 2, 2});
  CHECK(format(test::records::avcc_high_444()) == PictureFormat{3, 0, 0});
  const auto sps = rbsp(parse_config(test::records::avcc_high_422())->sps[0]);
  CHECK(!codec::h264::parse_format(std::span(sps).first(4)));
  CHECK(!codec::h264::parse_format({}));
  test::BitWriter deep;
  deep.bits(100, 8).bits(0, 16).ue(0).ue(1).ue(7).ue(0).bits(0, 8);
  CHECK(!codec::h264::parse_format(deep.end()));
}

TEST_CASE("an avcC cut anywhere gives nothing until both lists are there") {
  for (const auto& record : real_records()) {
    const bool has_extension = record[1] != std::byte{66};
    const std::size_t needed = record.size() - (has_extension ? 4 : 0);
    for (std::size_t size = 0; size < record.size(); ++size) {
      // In a block of its own: a sanitizer sees one byte too many.
      const std::vector<std::byte> head(record.begin(),
                                        record.begin() + static_cast<std::ptrdiff_t>(size));
      CHECK(parse_config(head).has_value() == (size >= needed));
    }
  }
}

TEST_CASE("an avcC without parameter sets is fine and cannot be made") {
  const auto config = parse_config(test::bytes({1, 0x64, 0, 0x0a, 0xfd, 0xe0, 0}));
  REQUIRE(config);
  CHECK(config->length_bytes == 2);
  CHECK(config->sps.empty());
  CHECK(config->pps.empty());
  CHECK(make_config(*config).empty());
}

TEST_CASE("an avcC that makes no sense is refused") {
  const auto good = test::records::avcc_high();
  auto bad = good;
  bad[0] = std::byte{0};  // version
  CHECK(!parse_config(bad));
  bad = good;
  bad[4] = std::byte{0xFE};  // lengths of three bytes
  CHECK(!parse_config(bad));
  bad = good;
  bad[5] = std::byte{0xE2};  // one more SPS than there is
  CHECK(!parse_config(bad));
  bad = good;
  bad[8] = std::byte{0x68};  // a PPS among the SPS
  CHECK(!parse_config(bad));
  CHECK(!parse_config(test::bytes({1, 0x64, 0, 0x0a, 0xff, 0xe1, 0, 0, 0})));  // an empty SPS
  CHECK(!parse_config(test::bytes({1, 0x64, 0, 0x0a, 0xff, 0xe0, 1, 0, 0})));  // an empty PPS
}

TEST_CASE("as many parameter sets as avcC can count are kept and one more is refused") {
  const auto full = make_config(config_with(31, 255));
  const auto config = parse_config(full);
  REQUIRE(config);
  CHECK(config->sps.size() == 31);
  CHECK(config->pps.size() == 255);
  CHECK(make_config(config_with(32, 1)).empty());
  CHECK(make_config(config_with(1, 256)).empty());
}

TEST_CASE("what is no parameter set does not get into an avcC") {
  Config config = config_with(1, 1);
  config.pps[0].resize(0xFFFF);
  CHECK(!make_config(config).empty());
  config.pps[0].resize(0x10000);
  CHECK(make_config(config).empty());
  config = config_with(1, 1);
  config.sps[0].resize(3);
  CHECK(make_config(config).empty());
  config = config_with(1, 1);
  std::swap(config.sps, config.pps);
  CHECK(make_config(config).empty());
}

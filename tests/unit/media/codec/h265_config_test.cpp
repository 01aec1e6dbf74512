#include "relay/media/codec/h265_config.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "relay/media/codec/annexb.hpp"
#include "relay/media/codec/h265.hpp"
#include "tests/unit/media/codec/records.hpp"

using codec::h265::Config;
using codec::h265::make_config;
using codec::h265::parse_config;

namespace {

std::vector<std::byte> rbsp(const std::vector<std::byte>& sps) {
  return codec::copy_without_emulation(std::span(sps).subspan(2));
}

}  // namespace

TEST_CASE("an hvcC tells its parameter sets") {
  const auto config = parse_config(test::records::hvcc_main());
  REQUIRE(config);
  CHECK(config->length_bytes == 4);
  REQUIRE(config->vps.size() == 1);
  CHECK(config->vps[0].size() == 24);
  REQUIRE(config->sps.size() == 1);
  CHECK(config->sps[0].size() == 41);
  CHECK(codec::h265::parse_sps(rbsp(config->sps[0])) == codec::VideoSize{64, 48});
  REQUIRE(config->pps.size() == 1);
  CHECK(config->pps[0] == test::bytes({0x44, 0x01, 0xc1, 0x73, 0xd0, 0x89}));
}

TEST_CASE("an hvcC of ours is the one that ffmpeg makes of the same parameter sets") {
  for (const auto& record : {test::records::hvcc_main(), test::records::hvcc_422()}) {
    const auto config = parse_config(record);
    REQUIRE(config);
    const auto made = make_config(*config);
    REQUIRE(made);
    CHECK(*made == record);
  }
}

TEST_CASE("an H.265 SPS tells profile and layers and picture format") {
  const auto record = test::records::hvcc_422();
  const auto sps = rbsp(parse_config(record)->sps[0]);
  const auto format = codec::h265::parse_format(sps);
  REQUIRE(format);
  CHECK(std::ranges::equal(format->profile_tier_level, std::span(record).subspan(1, 12)));
  CHECK(format->temporal_layers == 1);
  CHECK(format->is_temporal_id_nested);
  CHECK(format->chroma_format_idc == 2);
  CHECK(format->luma_depth_minus8 == 2);
  CHECK(format->chroma_depth_minus8 == 2);
  bool is_whole = false;
  for (std::size_t size = 0; size <= sps.size(); ++size) {
    const bool has_format = codec::h265::parse_format(std::span(sps).first(size)).has_value();
    CHECK((has_format || !is_whole));
    is_whole = has_format;
  }
  CHECK(is_whole);
}

TEST_CASE("the H.265 format of sub-layers and depths in between is told and beyond is refused") {
  const auto make = [](unsigned layers_minus1, unsigned luma, unsigned chroma) {
    test::BitWriter out;
    out.bits(0, 4).bits(layers_minus1, 3).bits(0, 1);
    for (unsigned byte = 1; byte <= 12; ++byte) out.bits(byte, 8);
    if (layers_minus1 > 0) out.bits(0, 16);  // no profile or level of theirs
    out.ue(0).ue(3).bits(0, 1).ue(64).ue(48).bits(0, 1).ue(luma).ue(chroma);
    return out.end();
  };
  const auto format = codec::h265::parse_format(make(6, 4, 7));
  REQUIRE(format);
  CHECK(format->temporal_layers == 7);
  CHECK(!format->is_temporal_id_nested);
  CHECK(format->chroma_format_idc == 3);
  CHECK(format->luma_depth_minus8 == 4);
  CHECK(format->chroma_depth_minus8 == 7);
  CHECK(format->profile_tier_level[0] == std::byte{1});
  CHECK(format->profile_tier_level[11] == std::byte{12});
  CHECK(!codec::h265::parse_format(make(7, 0, 0)));
  CHECK(!codec::h265::parse_format(make(0, 8, 0)));
  CHECK(!codec::h265::parse_format(make(0, 0, 8)));
}

TEST_CASE("an hvcC cut anywhere gives nothing") {
  for (const auto& record : {test::records::hvcc_main(), test::records::hvcc_422()}) {
    for (std::size_t size = 0; size < record.size(); ++size) {
      const std::vector<std::byte> head(record.begin(),
                                        record.begin() + static_cast<std::ptrdiff_t>(size));
      CHECK(!parse_config(head));
    }
  }
}

TEST_CASE("an hvcC without parameter sets is fine and cannot be made") {
  auto record = test::records::hvcc_main();
  record.resize(23);
  record[22] = std::byte{0};
  const auto config = parse_config(record);
  REQUIRE(config);
  CHECK(config->sps.empty());
  CHECK(!make_config(*config));
}

TEST_CASE("other arrays of an hvcC are left out") {
  auto record = test::records::hvcc_main();
  const auto good = parse_config(record);
  record[22] = std::byte{4};
  const auto sei = test::bytes({0x27, 0, 2, 0, 3, 0x4e, 0x01, 0x80, 0, 0});
  record.insert(record.end(), sei.begin(), sei.end());
  const auto config = parse_config(record);
  REQUIRE(config);
  CHECK(config->vps == good->vps);
  CHECK(config->sps == good->sps);
  CHECK(config->pps == good->pps);
}

TEST_CASE("an hvcC that makes no sense is refused") {
  const auto good = test::records::hvcc_main();
  auto bad = good;
  bad[0] = std::byte{0};  // version
  CHECK(!parse_config(bad));
  bad = good;
  bad[21] = std::byte{0x0E};  // lengths of three bytes
  CHECK(!parse_config(bad));
  bad = good;
  bad[22] = std::byte{4};  // one more array than there is
  CHECK(!parse_config(bad));
  bad = good;
  bad[28] = std::byte{0x42};  // an SPS among the VPS
  CHECK(!parse_config(bad));
  bad = good;
  bad[24] = bad[25] = std::byte{0xFF};  // 65 535 VPS
  CHECK(!parse_config(bad));
}

TEST_CASE("an hvcC needs all three and an SPS that makes sense") {
  const Config good = *parse_config(test::records::hvcc_main());
  for (auto list : {&Config::vps, &Config::sps, &Config::pps}) {
    Config config = good;
    (config.*list).clear();
    CHECK(!make_config(config));
    config = good;
    (config.*list)[0].resize(2);
    CHECK(!make_config(config));
    config = good;
    (config.*list).push_back(std::vector<std::byte>(0x10000, (config.*list)[0][0]));
    CHECK(!make_config(config));
  }
  Config config = good;
  config.sps[0].resize(18);
  CHECK(!make_config(config));
}

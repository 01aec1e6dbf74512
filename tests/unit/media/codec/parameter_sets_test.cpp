#include "relay/media/codec/parameter_sets.hpp"

#include <doctest/doctest.h>

#include "relay/media/codec/h264_config.hpp"
#include "tests/unit/media/codec/bit_writer.hpp"

using codec::ParameterSets;
using test::BitWriter;
using test::bytes;

namespace {

using Nals = std::vector<std::vector<std::byte>>;

std::vector<std::byte> sps(unsigned id, unsigned width_mbs, bool is_interlaced = false) {
  BitWriter bits;
  bits.bits(0x67, 8).bits(77, 8).bits(0, 8).bits(30, 8).ue(id).ue(2).ue(2).ue(1).bits(0, 1);
  bits.ue(width_mbs - 1).ue(9).bits(is_interlaced ? 0 : 1, 1);
  if (is_interlaced) bits.bits(1, 1);
  return bits.bits(1, 1).bits(0, 2).end();
}

std::vector<std::byte> pps(unsigned id, unsigned sps_id) {
  return BitWriter().bits(0x68, 8).ue(id).ue(sps_id).bits(0, 2).ue(0).end();
}

std::vector<std::byte> slice(unsigned pps_id, unsigned frame_num, int parity) {
  BitWriter bits;
  bits.bits(0x41, 8).ue(0).ue(7).ue(pps_id).bits(frame_num, 6);
  if (parity >= 0) bits.bits(1, 1).bits(static_cast<unsigned>(parity), 1);
  return bits.end();
}

}  // namespace

TEST_CASE("parameter sets are kept by their ids and the newest comes first") {
  ParameterSets sets(media::Codec::h264);
  CHECK(!sets.is_complete());
  CHECK(sets.take(sps(0, 20)));
  CHECK(!sets.is_complete());
  CHECK(sets.make_prefix().size() == sps(0, 20).size() + 4);
  CHECK(sets.take(pps(0, 0)));
  CHECK(sets.is_complete());
  CHECK(!sets.take(sps(0, 20)));
  CHECK(sets.take(sps(0, 40)));
  CHECK(sets.take(sps(1, 30)));
  const auto config = codec::h264::parse_config(sets.make_config());
  REQUIRE(config);
  CHECK(config->sps == Nals{sps(1, 30), sps(0, 40)});
  CHECK(config->pps == Nals{pps(0, 0)});
  CHECK(sets.size() == codec::VideoSize{480, 160});
}

TEST_CASE("what is no parameter set is not kept") {
  ParameterSets sets(media::Codec::h264);
  CHECK(!sets.take({}));
  CHECK(!sets.take(bytes({0x41, 0x9A})));
  CHECK(!sets.take(bytes({0x67})));
  CHECK(!sets.take(bytes({0x67, 77})));
  CHECK(!sets.take(bytes({0x68})));
  std::vector<std::byte> large = pps(0, 0);
  large.resize(ParameterSets::set_bytes_max + 1, std::byte{0x55});
  CHECK(!sets.take(large));
  large.resize(ParameterSets::set_bytes_max);
  CHECK(sets.take(large));
}

TEST_CASE("no more parameter sets are kept than the bound") {
  ParameterSets sets(media::Codec::h264);
  for (unsigned id = 0; id < 2 * ParameterSets::sets_max; ++id) CHECK(sets.take(pps(id, 0)));
  CHECK(sets.take(sps(0, 20)));
  const auto config = codec::h264::parse_config(sets.make_config());
  REQUIRE(config);
  CHECK(config->pps.size() == ParameterSets::sets_max);
  CHECK(config->pps.front() == pps(2 * ParameterSets::sets_max - 1, 0));
}

TEST_CASE("slices tell the fields of a frame by the parameter sets they name") {
  ParameterSets sets(media::Codec::h264);
  CHECK(!sets.parse_slice(slice(0, 5, 0)));
  sets.take(sps(0, 20));
  sets.take(sps(1, 20, true));
  sets.take(pps(0, 0));
  sets.take(pps(1, 1));
  const auto frame = sets.parse_slice(slice(0, 5, -1));
  REQUIRE(frame);
  CHECK(!frame->is_field);
  CHECK(frame->frame_num == 5);
  const auto top = sets.parse_slice(slice(1, 5, 0));
  const auto bottom = sets.parse_slice(slice(1, 5, 1));
  REQUIRE(top);
  REQUIRE(bottom);
  CHECK(top->is_field);
  CHECK(!top->is_bottom);
  CHECK(bottom->is_bottom);
  CHECK(codec::h264::is_field_pair(*top, *bottom));
  CHECK(codec::h264::is_field_pair(*bottom, *top));
  CHECK(!codec::h264::is_field_pair(*top, *top));
  CHECK(!codec::h264::is_field_pair(*frame, *bottom));
  CHECK(!codec::h264::is_field_pair(*top, *sets.parse_slice(slice(1, 6, 1))));
  CHECK(!sets.parse_slice(slice(2, 5, 0)));
  CHECK(!sets.parse_slice(bytes({0x41})));
}

TEST_CASE("H.265 needs a VPS too") {
  ParameterSets sets(media::Codec::h265);
  CHECK(sets.kind_of(std::byte{0x40}) == ParameterSets::Kind::vps);
  CHECK(sets.kind_of(std::byte{0x42}) == ParameterSets::Kind::sps);
  CHECK(sets.kind_of(std::byte{0x44}) == ParameterSets::Kind::pps);
  CHECK(!sets.kind_of(std::byte{0x46}));
  CHECK(sets.take(bytes({0x44, 0x01, 0xC1, 0x73})));
  CHECK(!sets.is_complete());
  CHECK(sets.make_config().empty());
  CHECK(!sets.take(bytes({0x42, 0x01, 0x01})));
}

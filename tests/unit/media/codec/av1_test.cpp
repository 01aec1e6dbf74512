#include "relay/media/codec/av1.hpp"

#include <doctest/doctest.h>

#include <utility>

#include "tests/unit/media/codec/records.hpp"

using codec::VideoSize;
using codec::av1::parse_config;

namespace {

struct Sequence {
  bool is_reduced = false;
  bool has_timing = false;
  bool has_model = false;
  bool has_delay = false;
  unsigned points = 1;
  unsigned level = 8;
  unsigned size_bits = 16;
  unsigned width = 1920;
  unsigned height = 1080;
};

void write_timing(test::BitWriter& out, const Sequence& sequence) {
  out.bits(sequence.has_timing, 1);
  if (!sequence.has_timing) return;
  out.bits(0xFFFF'FFFF, 32).bits(0xFFFF'FFFF, 32).bits(1, 1).ue(1000);
  out.bits(sequence.has_model, 1);
  if (sequence.has_model) out.bits(31, 5).bits(0xFFFF'FFFF, 32).bits(9, 5).bits(9, 5);
}

std::vector<std::byte> payload(const Sequence& sequence) {
  test::BitWriter out;
  out.bits(0, 4).bits(sequence.is_reduced, 1);
  if (sequence.is_reduced) {
    out.bits(8, 5);
  } else {
    write_timing(out, sequence);
    out.bits(sequence.has_delay, 1).bits(sequence.points - 1, 5);
    for (unsigned point = 0; point < sequence.points; ++point) {
      out.bits(0xFFF, 12).bits(sequence.level, 5);
      if (sequence.level > 7) out.bits(1, 1);
      if (sequence.has_model) {
        out.bits(point % 2, 1);
        if (point % 2 == 1) out.bits(0xFFFF'FFFF, 32).bits(0xFFFF'FFFF, 32).bits(1, 1);
      }
      if (sequence.has_delay) out.bits(1, 1).bits(9, 4);
    }
  }
  out.bits(sequence.size_bits - 1, 4).bits(sequence.size_bits - 1, 4);
  out.bits(sequence.width - 1, sequence.size_bits).bits(sequence.height - 1, sequence.size_bits);
  return out.end();
}

std::vector<std::byte> record(std::vector<std::byte> obus) {
  auto out = test::bytes({0x81, 0x00, 0x0c, 0x00});
  out.insert(out.end(), obus.begin(), obus.end());
  return out;
}

std::vector<std::byte> record(const Sequence& sequence) {
  const auto body = payload(sequence);
  auto obus = test::bytes({0x0a, static_cast<unsigned>(body.size())});
  obus.insert(obus.end(), body.begin(), body.end());
  return record(std::move(obus));
}

}  // namespace

TEST_CASE("an av1C tells the picture size") {
  CHECK(parse_config(test::records::av1c_aom()) == VideoSize{64, 48});
  CHECK(parse_config(test::records::av1c_svt()) == VideoSize{64, 64});
  CHECK(parse_config(record(Sequence{})) == VideoSize{1920, 1080});
  CHECK(parse_config(record(Sequence{.is_reduced = true, .size_bits = 11})) ==
        VideoSize{1920, 1080});
}

TEST_CASE("the AV1 picture size is found behind any timing and operating points") {
  for (unsigned bits = 0; bits < 8; ++bits) {
    const bool has_timing = (bits & 1) != 0;
    for (const unsigned points : {1U, 2U, 32U}) {
      const Sequence sequence{.has_timing = has_timing,
                              .has_model = has_timing && (bits & 2) != 0,
                              .has_delay = (bits & 4) != 0,
                              .points = points,
                              .level = 6 + points % 3};
      const auto body = payload(sequence);
      // With a header that has an extension and no size.
      auto obus = test::bytes({0x0c, 0});
      obus.insert(obus.end(), body.begin(), body.end());
      CHECK(parse_config(record(obus)) == VideoSize{1920, 1080});
    }
  }
}

TEST_CASE("other OBUs before the AV1 sequence header are skipped") {
  // A temporal delimiter; metadata with a size in more bytes than it needs.
  auto obus = test::bytes({0x12, 0, 0x2a, 0x82, 0x80, 0x00, 1, 2});
  const auto rest = record(Sequence{});
  obus.insert(obus.end(), rest.begin() + 4, rest.end());
  CHECK(parse_config(record(obus)) == VideoSize{1920, 1080});
}

TEST_CASE("an av1C cut anywhere gives nothing or the size") {
  for (const auto& whole : {test::records::av1c_aom(), test::records::av1c_svt()}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const std::vector<std::byte> head(whole.begin(),
                                        whole.begin() + static_cast<std::ptrdiff_t>(size));
      CHECK(!parse_config(head));
    }
  }
  const auto body = payload(Sequence{.has_timing = true, .has_model = true});
  for (std::size_t size = 0; size < body.size(); ++size) {
    auto obus = test::bytes({0x08});  // without a size: what is there is all of it
    obus.insert(obus.end(), body.begin(), body.begin() + static_cast<std::ptrdiff_t>(size));
    const auto found = parse_config(record(obus));
    CHECK((!found || *found == VideoSize{1920, 1080}));
  }
}

TEST_CASE("an AV1 sequence header says all that its av1C does") {
  for (const auto& record : {test::records::av1c_aom(), test::records::av1c_svt()}) {
    const std::span obus(record.data() + 4, record.size() - 4);
    // As samples begin: what follows is not looked at, and neither is a temporal delimiter.
    auto sample = test::bytes({0x12, 0});
    sample.insert(sample.end(), obus.begin(), obus.end());
    sample.push_back(std::byte{0x32});
    const auto made = codec::av1::make_config(sample);
    REQUIRE(made);
    CHECK(*made == record);
  }
  CHECK_FALSE(codec::av1::make_config({}));
  CHECK_FALSE(codec::av1::make_config(test::bytes({0x32, 2, 0, 0})));  // a frame
  const auto whole = test::records::av1c_aom();
  for (std::size_t size = 4; size < whole.size(); ++size) {
    CHECK_FALSE(codec::av1::make_config(std::span(whole).subspan(4, size - 4)));
  }
}

TEST_CASE("a long AV1 sequence header has a size of two bytes") {
  const Sequence sequence{.has_timing = true, .has_model = true, .has_delay = true, .points = 32};
  auto body = payload(sequence);
  body.resize(body.size() + 10);  // tools and colours: all zero
  REQUIRE(body.size() > 0x7F);
  auto obus = test::bytes({0x08});  // without a size
  obus.insert(obus.end(), body.begin(), body.end());
  const auto made = codec::av1::make_config(obus);
  REQUIRE(made);
  CHECK(made->size() == 7 + body.size());
  CHECK(parse_config(*made) == VideoSize{1920, 1080});
}

TEST_CASE("an av1C that makes no sense is refused") {
  auto bad = record(Sequence{});
  bad[0] = std::byte{0x01};  // no marker
  CHECK(!parse_config(bad));
  bad[0] = std::byte{0x82};  // another version
  CHECK(!parse_config(bad));
  bad = record(Sequence{});
  bad[4] |= std::byte{0x80};  // forbidden bit
  CHECK(!parse_config(bad));
  CHECK(!parse_config(record(test::bytes({}))));
  CHECK(!parse_config(record(test::bytes({0x12, 0}))));  // no sequence header
  CHECK(!parse_config(
      record(test::bytes({0x0a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}))));
  CHECK(!parse_config(record(test::bytes({0x0a, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0}))));
  CHECK(parse_config(record(Sequence{.width = 16'888})) == VideoSize{16'888, 1080});
  CHECK(!parse_config(record(Sequence{.width = 16'889})));
  CHECK(!parse_config(record(Sequence{.height = 65'536})));
}

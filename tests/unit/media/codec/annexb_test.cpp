#include "relay/media/codec/annexb.hpp"

#include <doctest/doctest.h>

#include "tests/unit/media/codec/bit_writer.hpp"
#include "tests/unit/test_cuts.hpp"

namespace {
struct Sink {
  std::vector<std::vector<std::byte>> units;
  void on_start() { units.emplace_back(); }
  bool on_byte(std::byte byte) {
    units.back().push_back(byte);
    return byte == std::byte{0xEE};
  }
};
}  // namespace

TEST_CASE("NAL units are found wherever the network cuts them") {
  const auto stream = test::bytes({9, 9, 0, 0, 0, 1, 0x67, 1, 0, 0, 3,    1, 0, 0, 1, 0x41,
                                   0, 0, 3, 0, 0, 3, 2,    0, 0, 1, 0xEE, 0, 0, 1, 5});
  test::at_every_cut(stream, [](memory::Window head, memory::Window tail) {
    codec::AnnexBWalk walk;
    Sink sink;
    if (!walk.walk(head.bytes(), sink)) walk.walk(tail.bytes(), sink);
    REQUIRE(sink.units.size() == 3);
    CHECK(sink.units[0] == test::bytes({0x67, 1, 0, 0, 1, 0, 0}));
    CHECK(sink.units[1] == test::bytes({0x41, 0, 0, 0, 0, 2, 0, 0}));
    CHECK(sink.units[2] == test::bytes({0xEE}));
  });
}

TEST_CASE("emulation prevention bytes are taken out of a copy and nothing else is") {
  using codec::copy_without_emulation;
  CHECK(copy_without_emulation({}).empty());
  CHECK(copy_without_emulation(test::bytes({0x67, 0, 0, 3, 1, 0, 0, 3, 0, 0, 3, 3})) ==
        test::bytes({0x67, 0, 0, 1, 0, 0, 0, 0, 3}));
  CHECK(copy_without_emulation(test::bytes({0, 0, 0, 3, 0, 0, 3})) == test::bytes({0, 0, 0, 0, 0}));
  CHECK(copy_without_emulation(test::bytes({0, 3, 0, 0, 2, 3})) == test::bytes({0, 3, 0, 0, 2, 3}));
}

TEST_CASE("the first start code is found wherever it lies") {
  const auto find = [](std::initializer_list<unsigned> values) {
    return codec::find_start_code(test::bytes(values));
  };
  CHECK(find({}) == 0);
  CHECK(find({0, 0}) == 2);
  CHECK(find({0, 0, 1}) == 0);
  CHECK(find({0, 0, 0, 1}) == 1);
  CHECK(find({1, 1, 0, 1, 0, 0, 2, 0, 0, 1, 0, 0, 1}) == 7);
  CHECK(find({0, 1, 0, 0}) == 4);
}

#include "relay/media/container/fmp4/box.hpp"

#include <doctest/doctest.h>

#include "tests/unit/media/container/fmp4/mp4_builder.hpp"

using fmp4::BoxWalk;
using fmp4::Errc;
using fmp4::fourcc;
using fmp4::parse_box_header;
using test::Bytes;
using test::Fields;

TEST_CASE("a box header of 32 bits waits for eight bytes") {
  const Bytes bytes = test::box("free", Bytes(3));
  for (std::size_t size = 0; size < 8; ++size) {
    const auto header = parse_box_header(std::span(bytes).first(size));
    REQUIRE(header.has_value());
    CHECK_FALSE(*header);
  }
  const auto header = parse_box_header(bytes);
  REQUIRE((header && *header));
  CHECK((*header)->type == fourcc("free"));
  CHECK((*header)->header_bytes == 8);
  CHECK((*header)->payload_bytes == 3);
}

TEST_CASE("a box header of 64 bits waits for sixteen bytes") {
  const Bytes bytes = test::large_box("mdat", Bytes(3));
  for (std::size_t size = 0; size < 16; ++size) {
    const auto header = parse_box_header(std::span(bytes).first(size));
    REQUIRE(header.has_value());
    CHECK_FALSE(*header);
  }
  const auto header = parse_box_header(bytes);
  REQUIRE((header && *header));
  CHECK((*header)->header_bytes == 16);
  CHECK((*header)->payload_bytes == 3);
}

TEST_CASE("a box of size zero goes to the end") {
  const auto header = parse_box_header(Fields().u32(0).text("mdat").bytes);
  REQUIRE((header && *header));
  CHECK_FALSE((*header)->payload_bytes);
}

TEST_CASE("a box smaller than its header is refused") {
  CHECK(parse_box_header(Fields().u32(7).text("free").bytes).error() == Errc::bad_box_size);
  CHECK(parse_box_header(Fields().u32(1).text("free").u64(15).bytes).error() == Errc::bad_box_size);
}

TEST_CASE("a walk finds the boxes inside a box") {
  const Bytes bytes = test::join({test::box("free"), test::large_box("skip", Bytes(5)), Bytes(4)});
  BoxWalk walk(bytes);
  auto box = walk.next();
  REQUIRE((box && *box));
  CHECK((*box)->type == fourcc("free"));
  CHECK((*box)->payload.empty());
  box = walk.next();
  REQUIRE((box && *box));
  CHECK((*box)->type == fourcc("skip"));
  CHECK((*box)->payload.size() == 5);
  box = walk.next();
  REQUIRE(box.has_value());
  CHECK_FALSE(*box);
}

TEST_CASE("a walk refuses a box that leaves its parent") {
  const Bytes cut = Fields().u32(9).text("free").bytes;
  CHECK(BoxWalk(cut).next().error() == Errc::truncated_box);
  const Bytes huge = Fields().u32(1).text("free").u64(~std::uint64_t{0}).bytes;
  CHECK(BoxWalk(huge).next().error() == Errc::truncated_box);
  const Bytes cut_header = Fields().u32(1).text("free").u32(0).bytes;
  CHECK(BoxWalk(cut_header).next().error() == Errc::truncated_box);
  const Bytes rest = Fields().u8(1).bytes;
  CHECK(BoxWalk(rest).next().error() == Errc::truncated_box);
}

TEST_CASE("a walk refuses a box inside another that goes to the end") {
  const Bytes bytes = Fields().u32(0).text("free").u32(0).bytes;
  CHECK(BoxWalk(bytes).next().error() == Errc::bad_box_size);
}

#include "relay/media/container/fmp4/box_writer.hpp"

#include <doctest/doctest.h>

#include "tests/unit/media/container/fmp4/boxes.hpp"

TEST_CASE("boxes nest and know their sizes") {
  test::Bytes bytes(64);
  fmp4::BoxWriter out(bytes);
  const auto outer = out.begin("moov");
  const auto inner = out.begin_full("abcd", 1, 0x020304);
  out.u8(0x105);
  out.u16(0x0607);
  out.u64(0x0102030405060708);
  out.zeros(1);
  out.four("wxyz");
  out.end(inner);
  out.end(out.begin("free"));
  out.end(outer);
  bytes.resize(out.size());
  CHECK(bytes ==
        test::bytes_of({0,   0, 0,   44,  'm', 'o', 'o', 'v', 0, 0, 0,   28,  'a', 'b', 'c',
                        'd', 1, 2,   3,   4,   5,   6,   7,   1, 2, 3,   4,   5,   6,   7,
                        8,   0, 'w', 'x', 'y', 'z', 0,   0,   0, 8, 'f', 'r', 'e', 'e'}));
}

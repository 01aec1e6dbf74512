#include "relay/base/byte_reader.hpp"

#include <doctest/doctest.h>

#include <array>

namespace base {
namespace {

constexpr std::array<std::byte, 18> counting = [] {
  std::array<std::byte, 18> bytes{};
  for (std::size_t index = 0; index < bytes.size(); ++index) bytes[index] = std::byte(index + 1);
  return bytes;
}();

}  // namespace

TEST_CASE("integers are read big-endian from front to back") {
  ByteReader reader(counting);
  CHECK(reader.u8() == 0x01);
  CHECK(reader.u16() == 0x0203);
  CHECK(reader.u24() == 0x040506);
  CHECK(reader.u32() == 0x0708090a);
  CHECK(reader.u64() == 0x0b0c0d0e0f101112);
  CHECK(reader.ok());
  CHECK(reader.remaining() == 0);
}

TEST_CASE("reading past the end gives zeros and stays wrong") {
  for (std::size_t size = 0; size < 8; ++size) {
    ByteReader reader{std::span(counting).first(size)};
    CHECK(reader.u64() == 0);
    CHECK(!reader.ok());
    CHECK(reader.remaining() == 0);
    CHECK(reader.u8() == 0);
    CHECK(reader.take(0).empty());
    CHECK(!reader.ok());
  }
}

TEST_CASE("bytes are taken and skipped without a copy") {
  ByteReader reader(counting);
  reader.skip(2);
  CHECK(reader.take(3).data() == counting.data() + 2);
  CHECK(reader.rest().data() == counting.data() + 5);
  CHECK(reader.remaining() == 13);
  CHECK(reader.take(0).empty());
  CHECK(reader.ok());
  CHECK(reader.take(14).empty());
  CHECK(!reader.ok());
  CHECK(reader.rest().empty());
}

TEST_CASE("the highest bits are kept") {
  const std::array<std::byte, 8> ones = {std::byte{0xff}, std::byte{0xff}, std::byte{0xff},
                                         std::byte{0xff}, std::byte{0xff}, std::byte{0xff},
                                         std::byte{0xff}, std::byte{0xff}};
  CHECK(ByteReader(ones).u32() == 0xffffffffu);
  CHECK(ByteReader(ones).u64() == 0xffffffffffffffffu);
}

}  // namespace base

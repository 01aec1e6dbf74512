#include "relay/media/container/mpegts/section.hpp"

#include <doctest/doctest.h>

#include <cstring>

#include "tests/unit/media/container/mpegts/packet_builder.hpp"
#include "tests/unit/test_cuts.hpp"

using mpegts::SectionReader;
using test::Bytes;
using test::PacketBuilder;

namespace {
Bytes with_pointer(std::initializer_list<Bytes> sections, std::size_t pointer = 0) {
  Bytes out{static_cast<std::byte>(pointer)};
  for (const Bytes& section : sections) out.insert(out.end(), section.begin(), section.end());
  return out;
}
Bytes copy(std::span<const std::byte> bytes) { return {bytes.begin(), bytes.end()}; }
}  // namespace

TEST_CASE("the CRC is that of MPEG-2") {
  Bytes text(9);
  std::memcpy(text.data(), "123456789", text.size());
  CHECK(mpegts::crc32(text) == 0x0376E6E7);
}

TEST_CASE("a section reads the same wherever packets cut it") {
  const Bytes section = PacketBuilder::make_section(0, 1, 0, Bytes(40, std::byte{7}));
  const Bytes payload = with_pointer({section, Bytes(9, std::byte{0xFF})});
  test::at_every_cut(payload, [&](memory::Window head, memory::Window tail) {
    if (head.size() < 2) return;  // a section begins in the packet that says so
    SectionReader reader(0);
    reader.take(head.bytes(), true);
    reader.take(tail.bytes(), false);
    REQUIRE(reader.has_new());
    CHECK(copy(reader.take_new()) == section);
    CHECK(reader.bad_sections() == 0);
    reader.take(payload, true);
    CHECK(!reader.has_new());
  });
}

TEST_CASE("a section may end where the pointer says and others follow in the same packet") {
  const Bytes first = PacketBuilder::make_section(0, 1, 0, Bytes(200, std::byte{7}));
  const Bytes other = PacketBuilder::make_section(0x42, 1, 0, Bytes(20, std::byte{8}));
  const Bytes second = PacketBuilder::make_section(0, 1, 1, Bytes(20, std::byte{9}));
  SectionReader reader(0);
  reader.take(with_pointer({Bytes(first.begin(), first.begin() + 183)}), true);
  CHECK(!reader.has_new());
  const Bytes rest(first.begin() + 183, first.end());
  reader.take(with_pointer({rest}, rest.size()), true);
  CHECK(copy(reader.take_new()) == first);
  reader.take(with_pointer({rest, other, second, Bytes(3, std::byte{0xFF})}, rest.size()), true);
  CHECK(copy(reader.take_new()) == second);
}

TEST_CASE("damaged sections are counted and leave the last good one") {
  const Bytes good = PacketBuilder::make_section(0, 1, 0, Bytes(40, std::byte{7}));
  SectionReader reader(0);
  reader.take(with_pointer({good}), true);
  reader.take_new();
  Bytes bad = PacketBuilder::make_section(0, 1, 1, Bytes(40, std::byte{7}));
  bad[20] ^= std::byte{1};
  reader.take(with_pointer({bad}), true);
  CHECK(!reader.has_new());
  CHECK(reader.bad_sections() == 1);
  CHECK(copy(reader.section()) == good);
}

TEST_CASE("what cannot be a section in force is ignored") {
  SectionReader reader(0);
  reader.take({}, true);
  reader.take(Bytes{std::byte{200}, std::byte{0}}, true);  // pointer beyond the packet
  reader.take(Bytes(184, std::byte{0}), false);            // no beginning
  reader.take(with_pointer({Bytes{std::byte{0}, std::byte{0xBF}, std::byte{0xFF}}}), true);
  reader.take(Bytes(184, std::byte{0}), false);
  Bytes next = PacketBuilder::make_section(0, 1, 0, Bytes(40, std::byte{7}));
  next[5] &= std::byte{0xFE};  // current_next_indicator
  next.erase(next.end() - 4, next.end());
  const std::uint32_t crc = mpegts::crc32(next);
  for (unsigned shift = 32; shift > 0; shift -= 8) {
    next.push_back(static_cast<std::byte>(crc >> (shift - 8) & 0xFF));
  }
  reader.take(with_pointer({next}), true);
  CHECK(reader.bad_sections() == 2);
  // Lost packets make what was begun void.
  const Bytes good = PacketBuilder::make_section(0, 1, 0, Bytes(40, std::byte{7}));
  reader.take(with_pointer({Bytes(good.begin(), good.begin() + 20)}), true);
  reader.on_loss();
  reader.take(Bytes(good.begin() + 20, good.end()), false);
  CHECK(!reader.has_new());
  CHECK(reader.section().empty());
}

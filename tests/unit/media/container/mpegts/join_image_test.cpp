#include "relay/media/container/mpegts/join_image.hpp"

#include <doctest/doctest.h>

#include "tests/unit/media/container/mpegts/reader_rig.hpp"

using mpegts::Packet;
using mpegts::PidTable;
using test::Bytes;

namespace {
void pass(PidTable& pids, std::uint16_t pid, unsigned counter) {
  Bytes bytes(188);
  bytes[3] = static_cast<std::byte>(0x10 | counter);
  pids.on_packet(pids.find(pid), Packet(std::span(bytes).first<188>()));
  pids.mark();
}
Packet packet_at(const Bytes& bytes, std::size_t index) {
  return Packet(std::span(bytes).subspan(index * 188).first<188>());
}
}  // namespace

TEST_CASE("tables end at the counter that the next packet of the PID continues") {
  memory::Arena arena(64 << 10, 4 << 10);
  memory::BlockPool pool(arena);
  mpegts::JoinWriter joins(pool);
  PidTable pids;
  pids.assign(0, mpegts::Role::pat, 0);
  pids.assign(0x100, mpegts::Role::pmt, 0);
  pids.assign(0x101, mpegts::Role::stream, 0);
  pass(pids, 0, 5);
  pass(pids, 0x100, 1);
  const Bytes pat(184, std::byte{1});  // with pointer_field one byte more than a packet holds
  const Bytes pmt(1024, std::byte{2});
  const std::vector<mpegts::TableSection> tables{{0, pat}, {0x100, pmt}};

  memory::WindowList start;
  REQUIRE(joins.add_tables(start, tables, pids));
  const Bytes bytes = test::gather(start);
  REQUIRE(bytes.size() == 188 * 8);
  CHECK(packet_at(bytes, 0).counter() == 4);
  CHECK(packet_at(bytes, 1).counter() == 5);
  CHECK(!packet_at(bytes, 1).is_unit_start());
  CHECK(packet_at(bytes, 1).payload()[0] == std::byte{1});
  CHECK(packet_at(bytes, 1).payload()[1] == std::byte{0xFF});
  CHECK(packet_at(bytes, 2).counter() == 12);
  CHECK(packet_at(bytes, 7).counter() == 1);

  memory::WindowList skip;
  REQUIRE(joins.add_discontinuities(skip, tables, pids));
  const Bytes jumps = test::gather(skip);
  REQUIRE(jumps.size() == 188 * 3);
  CHECK(packet_at(jumps, 0).counter() == 3);
  CHECK(packet_at(jumps, 1).counter() == 11);
  CHECK(packet_at(jumps, 2).counter() == 15);  // sent nothing yet
  for (std::size_t index = 0; index < 3; ++index) {
    CHECK(packet_at(jumps, index).has_discontinuity());
    CHECK(!packet_at(jumps, index).has_payload());
  }
}

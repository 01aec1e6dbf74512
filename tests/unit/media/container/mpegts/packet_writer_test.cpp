#include "relay/media/container/mpegts/packet_writer.hpp"

#include <doctest/doctest.h>

#include "relay/media/container/mpegts/section.hpp"
#include "relay/memory/errc.hpp"
#include "tests/unit/media/container/mpegts/payload_rig.hpp"

using mpegts::Counter;
using mpegts::PacketWriter;
using mpegts::UnitHead;
using test::Bytes;

namespace {

Bytes pattern(std::size_t size) {
  Bytes out;
  while (out.size() < size) out.push_back(static_cast<std::byte>(out.size() * 7 % 251));
  return out;
}

Bytes write_unit(PacketWriter& out, const UnitHead& head, Counter& counter, const Bytes& unit) {
  out.begin(head, counter);
  out.append(std::span(unit).first(unit.size() / 2));
  out.append(std::span(unit).subspan(unit.size() / 2));
  const auto packets = out.take();
  REQUIRE(packets.has_value());
  return test::gather(*packets);
}

}  // namespace

TEST_CASE("a unit of any size fills its packets with stuffing in the last") {
  test::PayloadRig rig;
  PacketWriter out(rig.pool);
  Counter counter = mpegts::counter_before_first;
  test::ContinuityCheck continuity;
  for (const bool has_pcr : {false, true}) {
    for (const bool is_sync : {false, true}) {
      for (std::size_t size = 1; size < 3 * 188; ++size) {
        UnitHead head{0x101, size, is_sync, {}};
        if (has_pcr) head.pcr = 90'000;
        const Bytes unit = pattern(size);
        const Bytes bytes = write_unit(out, head, counter, unit);
        REQUIRE(bytes.size() % 188 == 0);
        REQUIRE(test::payload_of(bytes, 0x101) == unit);
        continuity.add(bytes);
        const std::size_t packets = bytes.size() / 188;
        const std::size_t first_room = PacketWriter::first_room(head);
        const bool fits = size >= first_room && (size - first_room) % 184 == 0;
        for (std::size_t index = 0; index < packets; ++index) {
          const auto packet = test::packet_at(bytes, index);
          REQUIRE(packet.is_unit_start() == (index == 0));
          REQUIRE(packet.has_random_access() == (index == 0 && is_sync));
          REQUIRE(packet.is_stuffed() == (index + 1 == packets && !fits));
        }
      }
    }
  }
  CHECK(continuity.errors == 0);
}

TEST_CASE("a PCR is its base modulo 33 bits and no extension") {
  test::PayloadRig rig;
  PacketWriter out(rig.pool);
  Counter counter = 4;
  UnitHead head{0x101, 10, true, (std::int64_t{1} << 33) + 0x1'0000'0003};
  const Bytes bytes = write_unit(out, head, counter, pattern(10));
  CHECK(counter == 5);
  const std::array<unsigned, 8> expected{0x50, 0x80, 0x00, 0x00, 0x01, 0xFE, 0x00, 0xFF};
  for (std::size_t index = 0; index < expected.size(); ++index) {
    CHECK(std::to_integer<unsigned>(bytes[5 + index]) == expected[index]);
  }
}

TEST_CASE("no packet lies across two blocks") {
  test::PayloadRig rig(1 << 20, 4096);
  PacketWriter out(rig.pool);
  Counter counter = mpegts::counter_before_first;
  const Bytes unit = pattern(20'000);
  out.begin({0x101, unit.size(), false, {}}, counter);
  out.append(unit);
  const auto packets = out.take();
  REQUIRE(packets.has_value());
  for (const auto& window : *packets) CHECK(window.size() % 188 == 0);
  CHECK(packets->count() == (20'000 / 184 + 1 + 20) / 21);
  CHECK(test::payload_of(test::gather(*packets), 0x101) == unit);
}

TEST_CASE("sections begin with a pointer and end with stuffing bytes") {
  test::PayloadRig rig;
  PacketWriter out(rig.pool);
  Counter counter = 7;
  for (const std::size_t size : {1U, 183U, 184U, 367U, 368U}) {
    const Bytes section = pattern(size);
    out.add_section(0x1000, section, counter);
    const auto packets = out.take();
    REQUIRE(packets.has_value());
    const Bytes payload = test::payload_of(test::gather(*packets), 0x1000);
    CHECK(payload.size() == (size + 1 + 183) / 184 * 184);
    CHECK(payload[0] == std::byte{0});
    CHECK(Bytes(payload.begin() + 1, payload.begin() + 1 + static_cast<std::ptrdiff_t>(size)) ==
          section);
    for (std::size_t at = 1 + size; at < payload.size(); ++at)
      CHECK(payload[at] == std::byte{0xFF});
  }
  CHECK(counter == (7 + 1 + 1 + 2 + 2 + 3) % 16);
}

TEST_CASE("a discontinuity has no payload and the counter before the next packet") {
  test::PayloadRig rig;
  PacketWriter out(rig.pool);
  out.add_discontinuity(0x102, 9);
  const auto packets = out.take();
  REQUIRE(packets.has_value());
  const Bytes bytes = test::gather(*packets);
  REQUIRE(bytes.size() == 188);
  const auto packet = test::packet_at(bytes, 0);
  CHECK(packet.pid() == 0x102);
  CHECK(packet.counter() == 9);
  CHECK(packet.has_discontinuity());
  CHECK(!packet.has_payload());
}

TEST_CASE("a full arena is told once and what comes later is written") {
  test::PayloadRig rig(1 << 20, 4096);
  PacketWriter out(rig.pool);
  Counter counter = mpegts::counter_before_first;
  const Bytes unit = pattern(6000);
  std::vector<memory::BlockHold*> held;
  while (auto hold = rig.pool.take()) held.push_back(*hold);
  memory::BlockPool::release(held.back());
  held.pop_back();
  out.begin({0x101, unit.size(), false, {}}, counter);  // one block is too little for it
  out.append(unit);
  out.begin({0x102, unit.size(), false, {}}, counter);
  out.append(unit);
  const auto failed = out.take();
  REQUIRE(failed.has_error());
  CHECK(failed.error() == memory::Errc::arena_full);
  for (memory::BlockHold* hold : held) memory::BlockPool::release(hold);
  CHECK(test::payload_of(write_unit(out, {0x101, unit.size(), false, {}}, counter, unit), 0x101) ==
        unit);
}

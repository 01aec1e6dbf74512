#include "relay/media/container/mpegts/pid_table.hpp"

#include <doctest/doctest.h>

#include <array>

using mpegts::Packet;
using mpegts::PidTable;
using mpegts::Role;
using Order = PidTable::Order;

namespace {
Order pass(PidTable& pids, PidTable::Slot slot, unsigned counter, bool has_payload = true,
           bool has_discontinuity = false) {
  std::array<std::byte, 188> bytes{};
  bytes[3] =
      static_cast<std::byte>((has_payload ? 0x10 : 0) | (has_discontinuity ? 0x20 : 0) | counter);
  bytes[4] = std::byte{1};
  bytes[5] = has_discontinuity ? std::byte{0x80} : std::byte{0};
  return pids.on_packet(slot, Packet(bytes));
}
}  // namespace

TEST_CASE("counters grow with payload and repeat once and jump when told") {
  PidTable pids;
  const auto slot = pids.add(256);
  CHECK(pass(pids, slot, 14) == Order::next);
  CHECK(pass(pids, slot, 15) == Order::next);
  CHECK(pass(pids, slot, 0) == Order::next);
  CHECK(pass(pids, slot, 0) == Order::duplicate);
  CHECK(pass(pids, slot, 0, false) == Order::next);
  CHECK(pass(pids, slot, 2) == Order::lost);
  CHECK(pass(pids, slot, 9, true, true) == Order::next);
  CHECK(pass(pids, slot, 12, false) == Order::lost);
}

TEST_CASE("the mark keeps counters and guesses those of PIDs that come later") {
  PidTable pids;
  const auto slot = pids.add(256);
  pass(pids, slot, 7);
  CHECK(pids.counter_at_mark(slot) == 6);
  pids.mark();
  pass(pids, slot, 8);
  CHECK(pids.counter_at_mark(slot) == 7);
  const auto late = pids.add(257);
  CHECK(!pids.counter_at_mark(late));
  pass(pids, late, 0);
  CHECK(pids.counter_at_mark(late) == 15);
}

TEST_CASE("any number of PIDs is bounded and leaves room for those with a role") {
  PidTable pids;
  for (std::uint16_t pid = 1; pid < mpegts::null_pid; ++pid) pids.add(pid);
  CHECK(pids.find(PidTable::others_max) != PidTable::none);
  CHECK(pids.find(PidTable::others_max + 1) == PidTable::none);
  CHECK(pids.add(mpegts::null_pid) == PidTable::none);
  // Tables that change their PIDs all the time.
  for (std::uint16_t round = 0; round < 200; ++round) {
    pids.clear_role(Role::stream);
    for (std::uint16_t index = 0; index < 33; ++index) {
      const auto pid = static_cast<std::uint16_t>(100 + round * 33 + index);
      const auto slot = pids.assign(pid, Role::stream, static_cast<std::uint8_t>(index));
      REQUIRE(pids.find(pid) == slot);
      REQUIRE(pids[slot].index == index);
    }
  }
  CHECK(pids.end() == PidTable::slots_max + 1);
  std::size_t found = 0;
  for (std::uint16_t pid = 0; pid < mpegts::pid_count; ++pid) {
    if (const auto slot = pids.find(pid); slot != PidTable::none) {
      CHECK(pids[slot].pid == pid);
      ++found;
    }
  }
  CHECK(found == PidTable::slots_max);
}

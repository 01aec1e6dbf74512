#include "relay/media/container/mpegts/pid_table.hpp"

#include "relay/base/assert.hpp"

namespace mpegts {

PidTable::PidTable() noexcept {
  counters_.fill(unknown);
  marked_.fill(unknown);
}

PidTable::Slot PidTable::add(std::uint16_t pid) noexcept {
  if (pid == null_pid || used_ >= others_max) return none;
  ++used_;
  entries_[used_].pid = pid;
  return slot_of_[pid] = static_cast<Slot>(used_);
}

PidTable::Slot PidTable::assign(std::uint16_t pid, Role role, std::uint8_t index) noexcept {
  Slot slot = find(pid);
  if (slot == none && used_ < slots_max) slot = static_cast<Slot>(++used_);
  for (Slot other = 1; slot == none && other <= used_; ++other) {
    if (entries_[other].role == Role::other) slot = other;
  }
  RELAY_ASSERT(slot != none);
  if (entries_[slot].pid != pid) {
    if (entries_[slot].pid != null_pid) slot_of_[entries_[slot].pid] = none;
    counters_[slot] = unknown;
    marked_[slot] = unknown;
    slot_of_[pid] = slot;
  }
  entries_[slot] = {pid, role, index};
  return slot;
}

void PidTable::clear_role(Role role) noexcept {
  for (Entry& entry : entries_) {
    if (entry.role == role) entry.role = Role::other;
  }
}

PidTable::Order PidTable::on_rest(Slot slot, std::uint8_t last, const Packet& packet) noexcept {
  const std::uint8_t counter = packet.counter();
  if (last == unknown) {
    const unsigned before = packet.has_payload() ? counter + 15U : counter;
    marked_[slot] = static_cast<std::uint8_t>(before & 0x0F);
    return Order::next;
  }
  if (packet.has_discontinuity()) return Order::next;
  if (counter == last) return packet.has_payload() ? Order::duplicate : Order::next;
  return Order::lost;
}

}  // namespace mpegts

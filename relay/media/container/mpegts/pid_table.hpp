#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "relay/media/container/mpegts/packet.hpp"

namespace mpegts {

/// What a PID carries, for the reader.
enum class Role : std::uint8_t { other, pat, pmt, stream };

/// The PIDs that are followed, and their continuity counters. At most `slots_max`; others pass
/// through without being looked at. The counters as they were at the last `mark()` are kept, for
/// the join images of the piece that began there.
class PidTable {
 public:
  using Slot = std::uint8_t;
  static constexpr Slot none = 0;
  static constexpr std::size_t slots_max = 64;
  /// PIDs nobody asked for get no more than so many; tables and streams find room among the rest.
  static constexpr std::size_t others_max = 24;

  struct Entry {
    std::uint16_t pid = null_pid;
    Role role = Role::other;
    std::uint8_t index = 0;  ///< of the stream
  };
  enum class Order : std::uint8_t { next, duplicate, lost };

  PidTable() noexcept;

  Slot find(std::uint16_t pid) const noexcept { return slot_of_[pid]; }
  /// A PID that was not seen before; `none` when there is no room.
  Slot add(std::uint16_t pid) noexcept;
  /// Gives a PID a role; takes the slot of one without a role if it must. There is always room for
  /// what the limits on programs and tracks allow.
  Slot assign(std::uint16_t pid, Role role, std::uint8_t index) noexcept;
  /// Every PID with this role has none any more.
  void clear_role(Role role) noexcept;
  const Entry& operator[](Slot slot) const noexcept { return entries_[slot]; }
  Slot end() const noexcept { return static_cast<Slot>(used_ + 1); }

  bool is_duplicate(Slot slot, const Packet& packet) const noexcept {
    return packet.has_payload() && counters_[slot] == packet.counter() &&
           !packet.has_discontinuity();
  }
  /// 2.4.3.3: the counter grows with every packet that has a payload; a packet may be sent twice.
  Order on_packet(Slot slot, const Packet& packet) noexcept {
    const std::uint8_t last = counters_[slot];
    const std::uint8_t counter = packet.counter();
    counters_[slot] = counter;
    if (!packet.has_payload()) return on_rest(slot, last, packet);
    if (counter == ((last + 1) & (unknown | 0x0F))) return Order::next;
    return on_rest(slot, last, packet);
  }

  bool is_next(Slot slot, std::uint8_t counter) const noexcept {
    return counter == ((counters_[slot] + 1) & (unknown | 0x0F));
  }
  void set_counter(Slot slot, std::uint8_t counter) noexcept { counters_[slot] = counter; }

  /// What comes next does not follow: any counter fits.
  void forget_counters() noexcept { counters_.fill(unknown); }

  void mark() noexcept { marked_ = counters_; }
  /// The counter of the last packet before the mark. A PID first seen behind it: one that fits.
  std::optional<std::uint8_t> counter_at_mark(Slot slot) const noexcept {
    if (marked_[slot] == unknown) return std::nullopt;
    return marked_[slot];
  }

 private:
  static constexpr std::uint8_t unknown = 0x80;  // one more is no counter either
  Order on_rest(Slot slot, std::uint8_t last, const Packet& packet) noexcept;

  std::size_t used_ = 0;  // slots 1 to used_
  std::array<std::uint8_t, slots_max + 1> counters_;
  std::array<std::uint8_t, slots_max + 1> marked_;
  std::array<Entry, slots_max + 1> entries_;
  std::array<Slot, pid_count> slot_of_{};
};

}  // namespace mpegts

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "relay/base/result.hpp"
#include "relay/media/container/mpegts/packet.hpp"
#include "relay/memory/block_writer.hpp"
#include "relay/memory/window_list.hpp"

namespace mpegts {

/// The continuity counter of a PID (ISO/IEC 13818-1, 2.4.3.3): of the last packet with a payload.
/// The first packet has 0.
using Counter = std::uint8_t;
inline constexpr Counter counter_before_first = 15;

/// What the first packet of a unit says.
struct UnitHead {
  std::uint16_t pid = 0;
  std::size_t bytes = 0;  ///< of the whole unit, which `append()` brings
  bool is_random_access = false;
  std::optional<std::int64_t> pcr;  ///< 90 kHz
};

/// Gathers units, PES packets or sections, into packets in arena blocks; each byte is copied once.
/// A packet lies in one block: the last bytes of a block stay unused. When the arena is full,
/// what follows is swallowed until `take()` tells.
class PacketWriter {
 public:
  explicit PacketWriter(memory::BlockPool& pool) noexcept : writer_(pool) {}

  /// How many bytes of a unit its first packet holds.
  static std::size_t first_room(const UnitHead& head) noexcept;

  /// A unit begins. `counter` must stay where it is until the unit's last byte was appended.
  void begin(const UnitHead& head, Counter& counter);
  /// The next bytes of the unit; never more than `UnitHead::bytes` in all.
  void append(std::span<const std::byte> bytes);

  /// A whole PAT or PMT section, filled up with stuffing.
  void add_section(std::uint16_t pid, std::span<const std::byte> section, Counter& counter);
  /// An adaptation-only packet that says: counters jump, and go on after `counter`.
  void add_discontinuity(std::uint16_t pid, Counter counter);

  /// The packets since the last call; Errc::arena_full of memory if some found no room.
  base::Result<memory::WindowList> take();

 private:
  std::span<std::byte> next_packet();
  void open_packet(bool is_first);
  void flush();

  memory::BlockWriter writer_;
  memory::WindowList packets_;
  base::Error failed_;
  // The rest of the block, and how much of it holds packets that are in no window yet.
  std::span<std::byte> block_;
  std::size_t filled_ = 0;

  UnitHead head_;
  Counter* counter_ = nullptr;
  std::size_t unit_left_ = 0;  // bytes that no packet opened so far has room for
  std::span<std::byte> room_;  // in the packet opened last
};

}  // namespace mpegts

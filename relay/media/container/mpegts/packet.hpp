#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace mpegts {

inline constexpr std::size_t packet_bytes = 188;
inline constexpr std::byte sync_byte{0x47};
inline constexpr std::uint16_t pat_pid = 0;
inline constexpr std::uint16_t null_pid = 0x1FFF;
inline constexpr std::size_t pid_count = 0x2000;

using PacketBytes = std::span<const std::byte, packet_bytes>;

/// One packet looked at in place (ISO/IEC 13818-1, 2.4.3.2):
/// sync 8 | error 1, unit start 1, priority 1, PID 13 | scrambling 2, adaptation 1, payload 1,
/// continuity counter 4 | adaptation field | payload
class Packet {
 public:
  explicit Packet(PacketBytes bytes) noexcept : bytes_(bytes) {}

  std::uint16_t pid() const noexcept {
    return static_cast<std::uint16_t>((at(1) & 0x1F) << 8 | at(2));
  }
  /// Nothing but payload, and neither the start of a unit.
  bool is_plain() const noexcept { return (at(1) & 0xC0) == 0 && (at(3) & 0xF0) == 0x10; }
  bool has_error() const noexcept { return (at(1) & 0x80) != 0; }
  bool is_unit_start() const noexcept { return (at(1) & 0x40) != 0; }
  bool is_scrambled() const noexcept { return (at(3) & 0xC0) != 0; }
  bool has_adaptation() const noexcept { return (at(3) & 0x20) != 0; }
  bool has_payload() const noexcept { return (at(3) & 0x10) != 0; }
  std::uint8_t counter() const noexcept { return static_cast<std::uint8_t>(at(3) & 0x0F); }

  /// Its adaptation field is longer than it is: there is no payload then.
  bool is_malformed() const noexcept {
    return has_adaptation() && at(4) + 5 > packet_bytes - (has_payload() ? 1 : 0);
  }

  bool has_discontinuity() const noexcept { return (adaptation_flags() & 0x80) != 0; }
  bool has_random_access() const noexcept { return (adaptation_flags() & 0x40) != 0; }
  /// Its adaptation field is longer than what it says needs.
  bool is_stuffed() const noexcept;

  std::span<const std::byte> payload() const noexcept {
    if (!has_payload()) return {};
    const std::size_t from = has_adaptation() ? std::size_t{5} + at(4) : 4;
    return from < packet_bytes ? bytes_.subspan(from) : std::span<const std::byte>{};
  }

 private:
  unsigned at(std::size_t index) const noexcept { return std::to_integer<unsigned>(bytes_[index]); }
  unsigned adaptation_flags() const noexcept { return has_adaptation() && at(4) > 0 ? at(5) : 0; }

  PacketBytes bytes_;
};

}  // namespace mpegts

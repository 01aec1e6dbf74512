#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "relay/media/container/mpegts/packet.hpp"
#include "relay/media/container/mpegts/packet_walk.hpp"
#include "relay/memory/window_list.hpp"

namespace mpegts {

/// Moves the clock of a continuing publisher's packets, in place: adds `delta` (90 kHz) to every
/// PCR, OPCR, PTS and DTS, modulo 2^33, and gives PAT and PMT sections other version numbers (with
/// a new CRC): the first of each PID gets `tables_version`, and one that the publisher makes n
/// higher is n higher. To be called once for all packets of a publisher, in order, before anybody
/// reads them. Packets that are scrambled or marked as broken stay as they are, and so does what
/// makes no sense.
class Restamper {
 public:
  /// PES headers and sections that go over several packets, of so many PIDs at once.
  static constexpr std::size_t pending_max = 32;

  /// `tables_version`: 0 to 31.
  Restamper(std::int64_t delta, std::uint8_t tables_version);

  /// Whole packets, in windows cut anywhere, which lie in the publisher's own blocks. A PES header
  /// or section that the end of the call cuts is left as it is.
  void restamp(const memory::WindowList& packets);

 private:
  /// Bytes in the order of the stream, wherever they lie.
  using Bytes = std::vector<std::byte*>;
  struct Pending {
    std::uint16_t pid = 0;
    std::uint8_t counter = 0;
    bool is_section = false;
    Bytes bytes;
  };
  struct Table {
    std::uint16_t pid;
    std::optional<std::uint8_t> first_version;
  };

  void take(const memory::WindowList& packets, const Packet& packet, PacketPlace place);
  void restamp_adaptation(std::span<std::byte* const> packet) const;
  void begin_unit(const Packet& packet, Bytes payload);
  void go_on(const Packet& packet, std::span<std::byte* const> payload);
  bool restamp_pes(Bytes& bytes) const;
  bool restamp_sections(std::uint16_t pid, Bytes& bytes);
  void restamp_section(std::uint16_t pid, std::span<std::byte* const> section);
  void use_pat(std::span<const std::byte> section);
  void keep(const Packet& packet, bool is_section, Bytes bytes);
  Table* table_of(std::uint16_t pid) noexcept;
  void shift_stamp(std::span<std::byte* const> bytes) const;
  void shift_clock(std::span<std::byte* const> bytes) const;

  std::uint64_t delta_;
  std::uint8_t tables_version_;
  std::vector<Table> tables_;     // PAT and PMTs
  std::vector<Pending> pending_;  // empty between calls
};

}  // namespace mpegts

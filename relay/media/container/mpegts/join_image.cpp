#include "relay/media/container/mpegts/join_image.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "relay/media/container/mpegts/packet.hpp"

namespace mpegts {

using memory::WindowList;

namespace {

constexpr std::size_t payload_bytes = packet_bytes - 4;
constexpr unsigned first_counter = 16;  // 0, but one before it is no negative number

struct Head {
  std::uint16_t pid;
  bool is_unit_start;
  bool has_adaptation;
  bool has_payload;
  unsigned counter;  // modulo 16
};

std::array<std::byte, packet_bytes> make_packet(Head head) {
  std::array<std::byte, packet_bytes> packet;
  packet.fill(std::byte{0xFF});
  packet[0] = sync_byte;
  packet[1] = static_cast<std::byte>((head.is_unit_start ? 0x40 : 0) | head.pid >> 8);
  packet[2] = static_cast<std::byte>(head.pid & 0xFF);
  packet[3] = static_cast<std::byte>((head.has_adaptation ? 0x20 : 0) |
                                     (head.has_payload ? 0x10 : 0) | (head.counter & 0x0F));
  return packet;
}

// How many packets the sections of a PID take.
unsigned packets_of(std::span<const TableSection> tables, std::uint16_t pid) {
  std::size_t packets = 0;
  for (const TableSection& table : tables) {
    // 1: pointer_field
    if (table.pid == pid) packets += (1 + table.bytes.size() + payload_bytes - 1) / payload_bytes;
  }
  return static_cast<unsigned>(packets);
}

std::optional<unsigned> counter_at_mark(const PidTable& pids, PidTable::Slot slot) {
  if (slot == PidTable::none) return std::nullopt;
  return pids.counter_at_mark(slot);
}

}  // namespace

base::Result<void> JoinWriter::add_tables(WindowList& out, std::span<const TableSection> tables,
                                          const PidTable& pids) {
  for (std::size_t index = 0; index < tables.size(); ++index) {
    const std::uint16_t pid = tables[index].pid;
    // Programs may share a PID, so this section may not be the PID's last here.
    const unsigned packets = packets_of(tables.subspan(index), pid);
    const unsigned counter = counter_at_mark(pids, pids.find(pid)).value_or(first_counter - 1);
    if (auto added = add_section(out, tables[index], counter + 1 - packets); !added) return added;
  }
  return {};
}

base::Result<void> JoinWriter::add_discontinuities(WindowList& out,
                                                   std::span<const TableSection> tables,
                                                   const PidTable& pids) {
  for (PidTable::Slot slot = 1; slot < pids.end(); ++slot) {
    const std::uint16_t pid = pids[slot].pid;
    auto counter = counter_at_mark(pids, slot);
    // A stream that sent nothing yet begins like every muxer begins.
    if (!counter && pids[slot].role == Role::stream) counter = first_counter - 1;
    if (!counter) continue;
    auto packet = make_packet({pid, false, true, false, *counter - packets_of(tables, pid)});
    packet[4] = static_cast<std::byte>(packet_bytes - 5);  // adaptation_field_length
    packet[5] = std::byte{0x80};                           // discontinuity_indicator
    if (auto added = add_packet(out, packet); !added) return added;
  }
  return {};
}

base::Result<void> JoinWriter::add_section(WindowList& out, const TableSection& table,
                                           unsigned counter) {
  auto section = table.bytes;
  for (bool is_first = true; !section.empty(); is_first = false) {
    auto packet = make_packet({table.pid, is_first, false, true, counter++});
    auto payload = std::span(packet).subspan(4);
    if (is_first) {
      payload[0] = std::byte{0};  // pointer_field
      payload = payload.subspan(1);
    }
    const std::size_t count = std::min(payload.size(), section.size());
    std::copy_n(section.begin(), count, payload.begin());
    section = section.subspan(count);
    if (auto added = add_packet(out, packet); !added) return added;
  }
  return {};
}

base::Result<void> JoinWriter::add_packet(WindowList& out, std::span<const std::byte> packet) {
  auto window = writer_.copy_header(packet);
  if (!window) return window.error();
  out.push_back(std::move(*window));
  return {};
}

}  // namespace mpegts

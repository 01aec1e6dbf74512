#include "relay/media/container/mpegts/restamper.hpp"

#include <algorithm>
#include <utility>

#include "relay/media/container/mpegts/pes.hpp"
#include "relay/media/container/mpegts/section.hpp"
#include "relay/media/container/mpegts/stamp.hpp"
#include "relay/media/container/mpegts/tables.hpp"

namespace mpegts {
namespace {

constexpr std::size_t section_head_bytes = 3;
constexpr std::size_t section_bytes_min = 12;
constexpr std::size_t pes_head_bytes = 9;

unsigned number(const std::byte* byte) noexcept { return std::to_integer<unsigned>(*byte); }

// Where each byte of a packet lies.
std::array<std::byte*, packet_bytes> bytes_of(const memory::WindowList& packets,
                                              PacketPlace place) {
  std::array<std::byte*, packet_bytes> out;
  std::size_t size = 0;
  for (; size < out.size(); ++place.window, place.offset = 0) {
    const memory::Window& window = packets[place.window];
    // The publisher's own bytes, which nobody else has seen yet: the caller promises.
    auto* const begin = const_cast<std::byte*>(window.data());
    for (; place.offset < window.size() && size < out.size(); ++place.offset) {
      out[size++] = begin + place.offset;
    }
  }
  return out;
}

// The packet's tables and stamps are there for everybody to read.
bool is_clear(const Packet& packet) noexcept {
  return !packet.has_error() && !packet.is_scrambled();
}

}  // namespace

Restamper::Restamper(std::int64_t delta, std::uint8_t tables_version)
    : delta_(static_cast<std::uint64_t>(delta)),
      tables_version_(tables_version & 0x1F),
      tables_{{pat_pid, std::nullopt}} {}

void Restamper::restamp(const memory::WindowList& packets) {
  walk_packets(packets, [&](PacketBytes bytes, PacketPlace place) {
    if (bytes[0] == sync_byte) take(packets, Packet(bytes), place);
    return true;
  });
  pending_.clear();
}

void Restamper::take(const memory::WindowList& packets, const Packet& packet, PacketPlace place) {
  if (pending_.empty() && packet.is_plain()) return;
  if (!is_clear(packet)) return;
  const auto all = bytes_of(packets, place);
  if (packet.has_adaptation()) restamp_adaptation(all);
  const std::size_t size = packet.payload().size();
  if (size == 0) return;
  const auto payload = std::span(all).last(size);
  go_on(packet, payload);
  if (packet.is_unit_start()) begin_unit(packet, Bytes(payload.begin(), payload.end()));
}

// 2.4.3.4: length 8 | flags 8 | PCR 48 | OPCR 48 | …
void Restamper::restamp_adaptation(std::span<std::byte* const> packet) const {
  const std::size_t length = number(packet[4]);
  if (length == 0 || length > packet_bytes - 5) return;
  const unsigned flags = number(packet[5]);
  std::size_t at = 6;
  for (const unsigned flag : {0x10U, 0x08U}) {
    if ((flags & flag) == 0) continue;
    if (at + 6 > 5 + length) return;
    shift_clock(packet.subspan(at, 6));
    at += 6;
  }
}

// What began in an earlier packet of the PID.
void Restamper::go_on(const Packet& packet, std::span<std::byte* const> payload) {
  const auto found = std::ranges::find(pending_, packet.pid(), &Pending::pid);
  if (found == pending_.end()) return;
  if (packet.counter() == found->counter) return;  // a duplicate
  Pending pending = std::move(*found);
  pending_.erase(found);
  if (packet.counter() != ((pending.counter + 1) & 0x0F)) return;
  if (packet.is_unit_start()) {
    // pointer_field: so many bytes end the section.
    if (!pending.is_section || payload.empty()) return;
    const std::size_t pointer = number(payload[0]);
    payload = payload.subspan(1, std::min(pointer, payload.size() - 1));
  }
  pending.bytes.insert(pending.bytes.end(), payload.begin(), payload.end());
  const bool is_done = pending.is_section ? restamp_sections(packet.pid(), pending.bytes)
                                          : restamp_pes(pending.bytes);
  if (!is_done && !packet.is_unit_start()) {
    keep(packet, pending.is_section, std::move(pending.bytes));
  }
}

void Restamper::begin_unit(const Packet& packet, Bytes payload) {
  const bool is_section = table_of(packet.pid()) != nullptr;
  if (is_section) {
    const std::size_t pointer = number(payload[0]);
    if (1 + pointer >= payload.size()) return;
    payload.erase(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(1 + pointer));
  }
  const bool is_done = is_section ? restamp_sections(packet.pid(), payload) : restamp_pes(payload);
  if (!is_done) keep(packet, is_section, std::move(payload));
}

void Restamper::keep(const Packet& packet, bool is_section, Bytes bytes) {
  if (pending_.size() == pending_max) return;
  pending_.push_back({packet.pid(), packet.counter(), is_section, std::move(bytes)});
}

// True unless more of it is needed. 2.4.3.7: start code 24, stream_id 8, length 16, marks 2 and
// flags 6, PTS_DTS_flags 2 and flags 6, PES_header_data_length 8 | PTS 40 | DTS 40
bool Restamper::restamp_pes(Bytes& bytes) const {
  constexpr std::array<unsigned, 3> prefix{0, 0, 1};
  for (std::size_t index = 0; index < std::min(bytes.size(), prefix.size()); ++index) {
    if (number(bytes[index]) != prefix[index]) return true;
  }
  if (bytes.size() < pes_head_bytes) return false;
  if (!has_pes_header(static_cast<std::uint8_t>(number(bytes[3])))) return true;
  const unsigned flags = number(bytes[7]) >> 6;
  if ((number(bytes[6]) & 0xC0) != 0x80 || flags < 2) return true;
  const std::size_t stamps = (flags == 3 ? 2 : 1) * stamp_bytes;
  if (number(bytes[8]) < stamps) return true;
  if (bytes.size() < pes_head_bytes + stamps) return false;
  for (std::size_t at = 0; at < stamps; at += stamp_bytes) {
    shift_stamp(std::span(bytes).subspan(pes_head_bytes + at, stamp_bytes));
  }
  return true;
}

// True unless more is needed; what is whole is gone from `bytes` then.
bool Restamper::restamp_sections(std::uint16_t pid, Bytes& bytes) {
  std::size_t at = 0;
  while (at < bytes.size() && number(bytes[at]) != 0xFF) {
    const auto rest = std::span(bytes).subspan(at);
    std::size_t size = section_head_bytes;
    if (rest.size() >= size) size += (number(rest[1]) & 0x0F) << 8 | number(rest[2]);
    if (size > section_bytes_max) return true;
    if (rest.size() < size) {
      bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
      return false;
    }
    restamp_section(pid, rest.first(size));
    at += size;
  }
  return true;
}

// table_id 8 | syntax 1, length 12 and other bits | id 16 | reserved 2, version 5, current 1 |
// numbers 16 | … | CRC 32
void Restamper::restamp_section(std::uint16_t pid, std::span<std::byte* const> section) {
  if (section.size() < section_bytes_min || (number(section[1]) & 0x80) == 0) return;
  if (number(section[0]) != (pid == pat_pid ? 0U : 2U)) return;
  std::array<std::byte, section_bytes_max> copy;
  for (std::size_t index = 0; index < section.size(); ++index) copy[index] = *section[index];
  const auto bytes = std::span(copy).first(section.size());
  // What is announced for later (current_next_indicator 0) comes once more when it holds.
  if (crc32(bytes) != 0 || (number(&copy[5]) & 1) == 0) return;
  // Parts behind the first (section_number) only multiplexes of more than 200 programs have.
  if (pid == pat_pid && copy[6] == std::byte{0}) use_pat(bytes);
  Table* const table = table_of(pid);
  const unsigned version = number(&copy[5]) >> 1 & 0x1F;
  if (!table->first_version) table->first_version = static_cast<std::uint8_t>(version);
  const unsigned other = (tables_version_ + version - *table->first_version) & 0x1F;
  copy[5] = (copy[5] & std::byte{0xC1}) | static_cast<std::byte>(other << 1);
  *section[5] = copy[5];
  const std::size_t end = section.size() - 4;
  const std::uint32_t crc = crc32(bytes.first(end));
  for (unsigned index = 0; index < 4; ++index) {
    *section[end + index] = static_cast<std::byte>(crc >> (24 - 8 * index) & 0xFF);
  }
}

void Restamper::use_pat(std::span<const std::byte> section) {
  std::vector<Table> tables{tables_.front()};
  for (const ProgramEntry& program : parse_pat(section)) {
    const Table* const known = table_of(program.pmt_pid);
    tables.push_back(known != nullptr ? *known : Table{program.pmt_pid, std::nullopt});
  }
  tables_ = std::move(tables);
}

Restamper::Table* Restamper::table_of(std::uint16_t pid) noexcept {
  const auto found = std::ranges::find(tables_, pid, &Table::pid);
  return found == tables_.end() ? nullptr : &*found;
}

void Restamper::shift_stamp(std::span<std::byte* const> bytes) const {
  std::array<std::byte, stamp_bytes> stamp;
  for (std::size_t index = 0; index < stamp.size(); ++index) stamp[index] = *bytes[index];
  write_stamp(stamp, read_stamp(stamp) + delta_);
  for (std::size_t index = 0; index < stamp.size(); ++index) *bytes[index] = stamp[index];
}

// base 33, reserved 6, extension 9 (of 27 MHz)
void Restamper::shift_clock(std::span<std::byte* const> bytes) const {
  std::uint64_t value = 0;
  for (const std::byte* byte : bytes) value = value << 8 | number(byte);
  constexpr unsigned low_bits = 15;
  const std::uint64_t base = (value >> low_bits) + delta_;
  value = (base << low_bits) | (value & ((1U << low_bits) - 1));
  for (std::size_t index = 0; index < bytes.size(); ++index) {
    *bytes[index] = static_cast<std::byte>(value >> (40 - 8 * index) & 0xFF);
  }
}

}  // namespace mpegts

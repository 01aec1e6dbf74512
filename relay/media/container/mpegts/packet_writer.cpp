#include "relay/media/container/mpegts/packet_writer.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "relay/base/assert.hpp"

namespace mpegts {
namespace {

constexpr std::size_t head_bytes = 4;
constexpr std::size_t payload_max = packet_bytes - head_bytes;
constexpr std::byte stuffing{0xFF};

// Of the adaptation field (2.4.3.4).
constexpr unsigned discontinuity_flag = 0x80;
constexpr unsigned random_access_flag = 0x40;
constexpr unsigned pcr_flag = 0x10;

// With its length byte and without stuffing; 0: there is none.
std::size_t adaptation_bytes(const UnitHead& head) {
  if (head.pcr) return 1 + 1 + 6;
  return head.is_random_access ? 1 + 1 : 0;
}

void write_head(std::span<std::byte> packet, std::uint16_t pid, unsigned start_flag,
                unsigned control_and_counter) {
  packet[0] = sync_byte;
  packet[1] = static_cast<std::byte>(start_flag | static_cast<unsigned>(pid) >> 8);
  packet[2] = static_cast<std::byte>(pid & 0xFF);
  packet[3] = static_cast<std::byte>(control_and_counter);
}

// base 33 | reserved 6 | extension 9, which counts 27 MHz and is 0 here
void write_pcr(std::span<std::byte> out, std::int64_t pcr) {
  const std::uint64_t bits = (static_cast<std::uint64_t>(pcr) & 0x1'FFFF'FFFF) << 15 | 0x7E00;
  for (std::size_t index = 0; index < 6; ++index) {
    out[index] = static_cast<std::byte>(bits >> (40 - 8 * index) & 0xFF);
  }
}

// `field` is the whole adaptation field, filled up with stuffing.
void write_adaptation(std::span<std::byte> field, const UnitHead* head) {
  std::fill(field.begin(), field.end(), stuffing);
  field[0] = static_cast<std::byte>(field.size() - 1);
  if (field.size() == 1) return;
  unsigned flags = 0;
  if (head != nullptr && head->is_random_access) flags |= random_access_flag;
  if (head != nullptr && head->pcr) {
    flags |= pcr_flag;
    write_pcr(field.subspan(2, 6), *head->pcr);
  }
  field[1] = static_cast<std::byte>(flags);
}

}  // namespace

std::size_t PacketWriter::first_room(const UnitHead& head) noexcept {
  return payload_max - adaptation_bytes(head);
}

void PacketWriter::begin(const UnitHead& head, Counter& counter) {
  RELAY_ASSERT(head.bytes > 0 && unit_left_ == 0 && room_.empty());
  head_ = head;
  counter_ = &counter;
  unit_left_ = head.bytes;
  open_packet(true);
}

void PacketWriter::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    if (room_.empty()) {
      if (failed_) return;
      RELAY_ASSERT(unit_left_ > 0);
      open_packet(false);
      continue;
    }
    const std::size_t count = std::min(room_.size(), bytes.size());
    std::memcpy(room_.data(), bytes.data(), count);
    room_ = room_.subspan(count);
    bytes = bytes.subspan(count);
  }
}

void PacketWriter::add_section(std::uint16_t pid, std::span<const std::byte> section,
                               Counter& counter) {
  constexpr std::byte pointer_field{0};
  UnitHead head;
  head.pid = pid;
  head.bytes = (1 + section.size() + payload_max - 1) / payload_max * payload_max;
  begin(head, counter);
  append({&pointer_field, 1});
  append(section);
  for (std::size_t at = 1 + section.size(); at < head.bytes; ++at) append({&stuffing, 1});
}

void PacketWriter::add_discontinuity(std::uint16_t pid, Counter counter) {
  const auto packet = next_packet();
  if (packet.empty()) return;
  write_head(packet, pid, 0, 0x20U | counter);
  write_adaptation(packet.subspan(head_bytes), nullptr);
  packet[head_bytes + 1] = static_cast<std::byte>(discontinuity_flag);
}

base::Result<memory::WindowList> PacketWriter::take() {
  RELAY_ASSERT(failed_ || (unit_left_ == 0 && room_.empty()));
  flush();
  auto packets = std::exchange(packets_, {});
  if (!failed_) return packets;
  unit_left_ = 0;
  room_ = {};
  return std::exchange(failed_, {});
}

// Empty when there is no room.
std::span<std::byte> PacketWriter::next_packet() {
  if (failed_) return {};
  if (block_.size() - filled_ < packet_bytes) {
    flush();
    const auto space = writer_.space(packet_bytes);
    if (!space) {
      failed_ = space.error();
      return {};
    }
    block_ = *space;
  }
  const auto packet = block_.subspan(filled_, packet_bytes);
  filled_ += packet_bytes;
  return packet;
}

// It has room for exactly what is left of the unit, if that is less than a packet holds.
void PacketWriter::open_packet(bool is_first) {
  const auto packet = next_packet();
  if (packet.empty()) {
    unit_left_ = 0;
    return;
  }
  std::size_t field_bytes = is_first ? adaptation_bytes(head_) : 0;
  const std::size_t count = std::min(unit_left_, payload_max - field_bytes);
  field_bytes = payload_max - count;
  *counter_ = (*counter_ + 1) & 0x0F;
  write_head(packet, head_.pid, is_first ? 0x40 : 0, (field_bytes > 0 ? 0x30U : 0x10U) | *counter_);
  if (field_bytes > 0) {
    write_adaptation(packet.subspan(head_bytes, field_bytes), is_first ? &head_ : nullptr);
  }
  room_ = packet.subspan(head_bytes + field_bytes);
  unit_left_ -= count;
}

void PacketWriter::flush() {
  if (filled_ == 0) return;
  packets_.push_back(writer_.window(block_.first(filled_)));
  writer_.advance(filled_);
  block_ = block_.subspan(filled_);
  filled_ = 0;
}

}  // namespace mpegts

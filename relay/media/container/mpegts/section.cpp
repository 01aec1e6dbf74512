#include "relay/media/container/mpegts/section.hpp"

#include <algorithm>
#include <array>

#include "relay/base/byte_reader.hpp"

namespace mpegts {
namespace {

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t index = 0; index < table.size(); ++index) {
    std::uint32_t value = index << 24;
    for (int bit = 0; bit < 8; ++bit) {
      value = value << 1 ^ ((value & 0x80000000U) != 0 ? 0x04C11DB7U : 0U);
    }
    table[index] = value;
  }
  return table;
}

constexpr std::size_t head_bytes = 3;  // table_id 8, flags 4, section_length 12

std::size_t section_bytes(std::span<const std::byte> head) {
  const auto high = std::to_integer<std::size_t>(head[1]) & 0x0F;
  return head_bytes + (high << 8 | std::to_integer<std::size_t>(head[2]));
}

}  // namespace

std::uint32_t crc32(std::span<const std::byte> bytes) noexcept {
  static constexpr auto table = make_crc_table();
  std::uint32_t crc = 0xFFFFFFFF;
  for (const std::byte byte : bytes) {
    crc = crc << 8 ^ table[crc >> 24 ^ std::to_integer<std::uint32_t>(byte)];
  }
  return crc;
}

void SectionReader::take(std::span<const std::byte> payload, bool is_unit_start) noexcept {
  if (payload.empty()) return;
  if (!is_unit_start) {
    if (!making_.empty()) add(payload);
    return;
  }
  // pointer_field: so many bytes end the section that began in an earlier packet.
  const auto pointer = std::to_integer<std::size_t>(payload[0]);
  payload = payload.subspan(1);
  if (pointer > payload.size()) {
    ++bad_sections_;
    return making_.clear();
  }
  if (!making_.empty()) add(payload.first(pointer));
  making_.clear();
  payload = payload.subspan(pointer);
  // Tables are repeated ten times a second and hardly ever change: this is the usual way out.
  if (!section_.empty() && payload.size() >= section_.size() &&
      std::equal(section_.begin(), section_.end(), payload.begin())) {
    payload = payload.subspan(section_.size());
  }
  while (!payload.empty() && payload[0] != std::byte{0xFF}) payload = add(payload);
}

// Adds to the section in the making; returns what lies behind its end.
std::span<const std::byte> SectionReader::add(std::span<const std::byte> bytes) noexcept {
  const auto append = [&](std::size_t upto) {
    const std::size_t count = std::min(upto - std::min(upto, making_.size()), bytes.size());
    making_.insert(making_.end(), bytes.begin(),
                   bytes.begin() + static_cast<std::ptrdiff_t>(count));
    bytes = bytes.subspan(count);
    return making_.size() >= upto;
  };
  if (!append(head_bytes)) return {};
  const std::size_t size = section_bytes(making_);
  if (size > section_bytes_max) {
    ++bad_sections_;
    making_.clear();
    return {};
  }
  if (!append(size)) return {};
  finish();
  making_.clear();
  return bytes;
}

void SectionReader::finish() noexcept {
  constexpr std::size_t long_head_bytes = 8;
  if (making_.size() < long_head_bytes + 4) return;
  base::ByteReader in(making_);
  if (in.u8() != table_id_) return;
  in.u16();
  if (const auto extension = in.u16(); extension_ && extension != *extension_) return;
  if (crc32(making_) != 0) {
    ++bad_sections_;
    return;
  }
  // A table that is announced for later (current_next_indicator 0), and all parts of a table behind
  // the first, which only multiplexes of more than 200 programs have.
  if ((in.u8() & 1) == 0 || in.u8() != 0) return;
  if (std::ranges::equal(making_, section_)) return;
  std::swap(section_, making_);
  is_new_ = true;
}

}  // namespace mpegts

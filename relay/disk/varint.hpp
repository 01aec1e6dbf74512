#pragma once

#include <cstdint>

#include "relay/base/byte_reader.hpp"
#include "relay/media/container/fmp4/box_writer.hpp"

namespace disk {

inline constexpr std::size_t varint_bytes_max = 10;

/// Seven bits a byte, the low ones first; all but the last have their top bit set.
inline void write_varint(fmp4::BoxWriter& out, std::uint64_t value) noexcept {
  for (; value >= 0x80; value >>= 7) out.u8(static_cast<std::uint32_t>(value & 0x7F) | 0x80);
  out.u8(static_cast<std::uint32_t>(value));
}

/// Fails the reader when it is cut, does not fit 64 bits, or has more bytes than it needs.
inline std::uint64_t read_varint(base::ByteReader& reader) noexcept {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const std::uint64_t byte = reader.u8();
    const bool is_last = byte < 0x80;
    const bool is_fine = shift == 63 ? byte == 1 : !is_last || byte != 0 || shift == 0;
    if (!is_fine) break;
    value |= (byte & 0x7F) << shift;
    if (is_last) return value;
  }
  reader.skip(reader.remaining() + 1);
  return 0;
}

/// One with a sign: 0, -1, 1, -2, ... are 0, 1, 2, 3, ...
inline void write_signed_varint(fmp4::BoxWriter& out, std::int64_t value) noexcept {
  const auto bits = static_cast<std::uint64_t>(value);
  write_varint(out, bits << 1 ^ (value < 0 ? ~std::uint64_t{0} : 0));
}
inline std::int64_t read_signed_varint(base::ByteReader& reader) noexcept {
  const std::uint64_t value = read_varint(reader);
  return static_cast<std::int64_t>(value >> 1 ^ (0 - (value & 1)));
}

}  // namespace disk

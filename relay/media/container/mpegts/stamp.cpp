#include "relay/media/container/mpegts/stamp.hpp"

#include <array>

#include "relay/base/byte_reader.hpp"

namespace mpegts {

std::uint64_t read_stamp(std::span<const std::byte, stamp_bytes> bytes) noexcept {
  base::ByteReader in(bytes);
  const std::uint64_t high = in.u8() >> 1 & 7;
  const std::uint64_t middle = in.u16() >> 1;
  const std::uint64_t low = in.u16() >> 1;
  return high << 30 | middle << 15 | low;
}

void write_stamp(std::span<std::byte, stamp_bytes> bytes, std::uint64_t stamp) noexcept {
  const std::array<std::uint64_t, stamp_bytes> values{stamp >> 29, stamp >> 22, stamp >> 14,
                                                      stamp >> 7, stamp << 1};
  constexpr std::array<unsigned, stamp_bytes> masks{0x0E, 0xFF, 0xFE, 0xFF, 0xFE};
  for (std::size_t index = 0; index < stamp_bytes; ++index) {
    const auto mask = static_cast<std::byte>(masks[index]);
    bytes[index] = (bytes[index] & ~mask) | (static_cast<std::byte>(values[index] & 0xFF) & mask);
  }
}

}  // namespace mpegts

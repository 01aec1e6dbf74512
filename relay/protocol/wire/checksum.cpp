#include "relay/protocol/wire/checksum.hpp"

#include <isa-l/crc.h>

#include <algorithm>

namespace wire {

// The library only reads, though its parameter is not const.
void Checksum::add(std::span<const std::byte> bytes) noexcept {
  constexpr std::size_t piece_bytes_max = 1 << 30;  // its lengths are of type int
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), piece_bytes_max));
    auto* const data =
        const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(piece.data()));
    crc_ = crc32_iscsi(data, static_cast<int>(piece.size()), crc_);
    bytes = bytes.subspan(piece.size());
  }
}

std::uint32_t checksum_of(std::span<const media::Sample> samples) noexcept {
  Checksum checksum;
  for (const media::Sample& sample : samples) {
    for (const memory::Window& window : sample.payload) checksum.add(window.bytes());
  }
  return checksum.value();
}

}  // namespace wire

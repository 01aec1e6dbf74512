#include "relay/protocol/wire/checksum.hpp"

#include <isa-l/crc.h>

namespace wire {

std::uint32_t checksum_of(std::span<const media::Sample> samples) noexcept {
  std::uint32_t crc = 0xffffffff;
  for (const media::Sample& sample : samples) {
    for (const memory::Window& window : sample.payload) {
      // The library only reads, though its parameter is not const. A window is at most a block, 16
      // MiB, so its size fits an int.
      auto* const bytes =
          const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(window.data()));
      crc = crc32_iscsi(bytes, static_cast<int>(window.size()), crc);
    }
  }
  return ~crc;
}

}  // namespace wire

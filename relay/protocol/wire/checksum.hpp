#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "relay/media/sample.hpp"

namespace wire {

/// CRC32C (RFC 3720, 12.1: Castagnoli, reflected, inverted before and after) of bytes that come in
/// pieces.
class Checksum {
 public:
  void add(std::span<const std::byte> bytes) noexcept;
  std::uint32_t value() const noexcept { return ~crc_; }

 private:
  std::uint32_t crc_ = 0xffffffff;
};

/// That of the payloads of the samples in order. The same in every format.
std::uint32_t checksum_of(std::span<const media::Sample> samples) noexcept;

}  // namespace wire

#include "relay/media/codec/bit_reader.hpp"

namespace codec {

std::uint32_t BitReader::bits(unsigned count) noexcept {
  if (!ok_ || bytes_.size() * 8 - at_ < count) {
    ok_ = false;
    return 0;
  }
  std::uint32_t value = 0;
  for (; count > 0; --count, ++at_) {
    const auto byte = std::to_integer<std::uint32_t>(bytes_[at_ / 8]);
    value = value << 1 | (byte >> (7 - at_ % 8) & 1);
  }
  return value;
}

void BitReader::skip(std::size_t count) noexcept {
  if (!ok_ || bytes_.size() * 8 - at_ < count) {
    ok_ = false;
  } else {
    at_ += count;
  }
}

// ISO/IEC 14496-10, 9.1
std::uint32_t BitReader::ue() noexcept {
  unsigned zeros = 0;
  while (ok_ && !flag()) {
    if (++zeros == 32) ok_ = false;
  }
  if (!ok_) return 0;
  return (1U << zeros) - 1 + bits(zeros);
}

std::int32_t BitReader::se() noexcept {
  const std::uint32_t code = ue();
  const auto half = static_cast<std::int32_t>(code / 2);
  return code % 2 == 1 ? half + 1 : -half;
}

}  // namespace codec

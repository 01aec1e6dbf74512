#include "relay/media/codec/annexb.hpp"

namespace codec {

std::vector<std::byte> copy_without_emulation(std::span<const std::byte> nal) {
  std::vector<std::byte> out;
  out.reserve(nal.size());
  int zeros = 0;
  for (const std::byte byte : nal) {
    if (zeros == 2 && byte == std::byte{3}) {
      zeros = 0;
      continue;
    }
    if (byte != std::byte{0}) {
      zeros = 0;
    } else if (zeros < 2) {
      ++zeros;
    }
    out.push_back(byte);
  }
  return out;
}

}  // namespace codec

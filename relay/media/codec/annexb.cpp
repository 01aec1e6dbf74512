#include "relay/media/codec/annexb.hpp"

#include <cstring>

namespace codec {

// Few bytes are a 1, and the library finds those many bytes at a time.
std::size_t find_start_code(std::span<const std::byte> bytes) noexcept {
  const std::byte* const begin = bytes.data();
  for (std::size_t from = 2; from < bytes.size();) {
    const void* const found = std::memchr(begin + from, 1, bytes.size() - from);
    if (found == nullptr) break;
    const auto at = static_cast<std::size_t>(static_cast<const std::byte*>(found) - begin);
    if (begin[at - 1] == std::byte{0} && begin[at - 2] == std::byte{0}) return at - 2;
    from = at + 1;
  }
  return bytes.size();
}

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

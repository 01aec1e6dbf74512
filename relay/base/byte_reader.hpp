#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "relay/base/big_endian.hpp"

namespace base {

/// Reads big-endian integers from a span, front to back. Past the end it returns zeros and `ok()`
/// is false for good, so that a caller checks once after reading a structure.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  bool ok() const noexcept { return ok_; }
  std::size_t remaining() const noexcept { return bytes_.size(); }
  std::span<const std::byte> rest() const noexcept { return bytes_; }

  std::uint8_t u8() noexcept { return static_cast<std::uint8_t>(integer<1>()); }
  std::uint16_t u16() noexcept { return static_cast<std::uint16_t>(integer<2>()); }
  std::uint32_t u24() noexcept { return static_cast<std::uint32_t>(integer<3>()); }
  std::uint32_t u32() noexcept { return static_cast<std::uint32_t>(integer<4>()); }
  std::uint64_t u64() noexcept { return integer<8>(); }

  /// The next `size` bytes; empty, and not ok, when there are fewer.
  std::span<const std::byte> take(std::size_t size) noexcept {
    if (size > bytes_.size()) {
      fail();
      return {};
    }
    const auto taken = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return taken;
  }
  void skip(std::size_t size) noexcept { take(size); }

 private:
  void fail() noexcept {
    ok_ = false;
    bytes_ = {};
  }
  template <std::size_t size>
  std::uint64_t integer() noexcept {
    const auto taken = take(size);
    return taken.empty() ? 0 : load_big_endian<size>(taken.data());
  }

  std::span<const std::byte> bytes_;
  bool ok_ = true;
};

}  // namespace base

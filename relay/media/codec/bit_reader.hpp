#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace codec {

/// Reads bits and Exp-Golomb codes from a payload whose emulation prevention bytes are already
/// gone. Past the end, or at a code longer than 32 bits, it returns zeros and `ok()` is false for
/// good, so that a parser checks once at its end.
class BitReader {
 public:
  explicit BitReader(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  bool ok() const noexcept { return ok_; }
  /// At most 32.
  std::uint32_t bits(unsigned count) noexcept;
  bool flag() noexcept { return bits(1) != 0; }
  void skip(std::size_t count) noexcept;
  std::uint32_t ue() noexcept;
  std::int32_t se() noexcept;

 private:
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;  // in bits
  bool ok_ = true;
};

}  // namespace codec

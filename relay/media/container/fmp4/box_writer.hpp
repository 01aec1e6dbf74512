#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "relay/base/assert.hpp"
#include "relay/base/big_endian.hpp"

namespace fmp4 {

/// Writes boxes (ISO/IEC 14496-12, 4.2) front to back into a span that its owner knows to be large
/// enough.
class BoxWriter {
 public:
  explicit BoxWriter(std::span<std::byte> out) noexcept : out_(out) {}

  /// Written so far.
  std::size_t size() const noexcept { return size_; }

  void u8(std::uint32_t value) noexcept { integer<1>(value); }
  void u16(std::uint32_t value) noexcept { integer<2>(value); }
  void u24(std::uint32_t value) noexcept { integer<3>(value); }
  void u32(std::uint32_t value) noexcept { integer<4>(value); }
  void u64(std::uint64_t value) noexcept { integer<8>(value); }
  void zeros(std::size_t count) noexcept;
  void bytes(std::span<const std::byte> bytes) noexcept;
  /// A brand, a handler or a box type.
  void four(const char (&text)[5]) noexcept;

  /// A box begins; returns what `end()` wants to know.
  [[nodiscard]] std::size_t begin(const char (&type)[5]) noexcept;
  /// Likewise, with version and flags.
  [[nodiscard]] std::size_t begin_full(const char (&type)[5], std::uint32_t version,
                                       std::uint32_t flags) noexcept;
  void end(std::size_t box) noexcept;

 private:
  template <std::size_t size>
  void integer(std::uint64_t value) noexcept {
    RELAY_ASSERT(out_.size() - size_ >= size);
    base::store_big_endian<size>(out_.data() + size_, value);
    size_ += size;
  }

  std::span<std::byte> out_;
  std::size_t size_ = 0;
};

}  // namespace fmp4

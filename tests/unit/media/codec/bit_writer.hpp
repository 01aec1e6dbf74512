#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

namespace test {

/// Writes what codec::BitReader reads.
class BitWriter {
 public:
  BitWriter& bits(std::uint32_t value, unsigned count) {
    for (; count > 0; --count) {
      if (used_ % 8 == 0) bytes_.push_back(std::byte{0});
      if ((value >> (count - 1) & 1) != 0) bytes_.back() |= std::byte{1} << (7 - used_ % 8);
      ++used_;
    }
    return *this;
  }
  BitWriter& ue(std::uint32_t value) {
    unsigned length = 0;
    while ((std::uint64_t{value} + 1) >> (length + 1) != 0) ++length;
    return bits(0, length).bits(value + 1, length + 1);
  }
  BitWriter& se(std::int32_t value) {
    const auto twice = 2 * static_cast<std::uint32_t>(value > 0 ? value : -value);
    return ue(value > 0 ? twice - 1 : twice);
  }
  /// rbsp_trailing_bits
  std::vector<std::byte> end() {
    bits(1, 1);
    return bytes_;
  }

 private:
  std::vector<std::byte> bytes_;
  std::size_t used_ = 0;
};

/// Bytes from numbers.
inline std::vector<std::byte> bytes(std::initializer_list<unsigned> values) {
  std::vector<std::byte> out;
  for (const unsigned value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

}  // namespace test

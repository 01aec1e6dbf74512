#include "relay/media/container/fmp4/box_writer.hpp"

#include <algorithm>

#include "relay/media/container/fmp4/box.hpp"

namespace fmp4 {

void BoxWriter::zeros(std::size_t count) noexcept {
  RELAY_ASSERT(out_.size() - size_ >= count);
  std::fill_n(out_.begin() + static_cast<std::ptrdiff_t>(size_), count, std::byte{0});
  size_ += count;
}

void BoxWriter::bytes(std::span<const std::byte> bytes) noexcept {
  RELAY_ASSERT(out_.size() - size_ >= bytes.size());
  std::copy(bytes.begin(), bytes.end(), out_.begin() + static_cast<std::ptrdiff_t>(size_));
  size_ += bytes.size();
}

void BoxWriter::four(const char (&text)[5]) noexcept { u32(fourcc(text)); }

std::size_t BoxWriter::begin(const char (&type)[5]) noexcept {
  const std::size_t box = size_;
  u32(0);
  four(type);
  return box;
}

std::size_t BoxWriter::begin_full(const char (&type)[5], std::uint32_t version,
                                  std::uint32_t flags) noexcept {
  const std::size_t box = begin(type);
  u8(version);
  u24(flags);
  return box;
}

void BoxWriter::end(std::size_t box) noexcept {
  BoxWriter head(out_.subspan(box, 4));
  head.u32(static_cast<std::uint32_t>(size_ - box));
}

}  // namespace fmp4

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "relay/base/assert.hpp"
#include "relay/memory/block_pool.hpp"

namespace memory {

/// A span into a block that keeps the block alive. Belongs to the worker whose pool holds the
/// block; copying one is a plain increment. Crosses workers only inside a Parcel.
class Window {
 public:
  Window() noexcept = default;
  /// Holds the block once more. `bytes` lies inside the block of `hold`; under 4 GiB.
  Window(BlockHold* hold, std::span<const std::byte> bytes) noexcept
      : hold_(hold), data_(bytes.data()), size_(static_cast<std::uint32_t>(bytes.size())) {
    if (hold_ != nullptr) BlockPool::hold(hold_);
  }
  /// A window on bytes that live as long as the program, such as a constant separator.
  static Window on_static(std::span<const std::byte> bytes) noexcept { return {nullptr, bytes}; }

  Window(const Window& other) noexcept : Window(other.hold_, other.bytes()) {}
  Window(Window&& other) noexcept
      : hold_(std::exchange(other.hold_, nullptr)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  Window& operator=(Window other) noexcept {
    std::swap(hold_, other.hold_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Window() {
    if (hold_ != nullptr) BlockPool::release(hold_);
  }

  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  const std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  BlockHold* hold() const noexcept { return hold_; }

  Window first(std::size_t count) const noexcept { return {hold_, bytes().first(count)}; }
  Window subwindow(std::size_t from) const noexcept { return {hold_, bytes().subspan(from)}; }
  Window subwindow(std::size_t from, std::size_t count) const noexcept {
    return {hold_, bytes().subspan(from, count)};
  }
  void drop_front(std::size_t count) noexcept {
    RELAY_ASSERT(count <= size_);
    data_ += count;
    size_ -= static_cast<std::uint32_t>(count);
  }

  /// True when `next` goes on in the same block where this window ends.
  bool is_followed_by(const Window& next) const noexcept {
    return hold_ != nullptr && hold_ == next.hold_ && data_ + size_ == next.data_;
  }
  /// Grows over `next`, which must follow.
  void extend(const Window& next) noexcept {
    RELAY_ASSERT(is_followed_by(next));
    size_ += next.size_;
  }

 private:
  BlockHold* hold_ = nullptr;
  const std::byte* data_ = nullptr;
  std::uint32_t size_ = 0;
};

}  // namespace memory

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <boost/container/small_vector.hpp>

#include "relay/memory/window.hpp"

namespace memory {

/// Windows in order, as one run of bytes. A window that goes on where the last one ends extends it,
/// so bytes received one after the other stay one window. Up to four need no allocation.
class WindowList {
 public:
  WindowList() noexcept = default;
  WindowList(const WindowList&) = default;
  WindowList& operator=(const WindowList&) = default;
  WindowList(WindowList&& other) noexcept {
    if (!other.empty()) *this = std::move(other);  // many are: half of those in a chunk
  }
  /// Leaves `other` empty, its count of bytes too; itself is left as it is.
  WindowList& operator=(WindowList&& other) noexcept {
    if (this == &other) return *this;
    windows_ = std::move(other.windows_);
    other.windows_.clear();
    bytes_ = std::exchange(other.bytes_, 0);
    return *this;
  }
  ~WindowList() = default;

  std::size_t bytes() const noexcept { return bytes_; }
  std::size_t count() const noexcept { return windows_.size(); }
  bool empty() const noexcept { return bytes_ == 0; }
  auto begin() const noexcept { return windows_.begin(); }
  auto end() const noexcept { return windows_.end(); }
  const Window& operator[](std::size_t index) const noexcept { return windows_[index]; }

  /// Appends at the end; an empty window is left out.
  void push_back(Window window);
  void append(const WindowList& other);  ///< not itself
  void clear() noexcept;

  /// Cuts the first `count` bytes off and returns them. `count` at most `bytes()`.
  WindowList take_front(std::size_t count);
  void drop_front(std::size_t count);

  /// Copies up to `out.size()` bytes from byte `from` on, for looking at a header that lies across
  /// windows; returns how many there were. For headers only: it copies.
  std::size_t copy_out(std::size_t from, std::span<std::byte> out) const noexcept;

 private:
  boost::container::small_vector<Window, 4> windows_;
  std::size_t bytes_ = 0;
};

}  // namespace memory

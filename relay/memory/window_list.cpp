#include "relay/memory/window_list.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace memory {

void WindowList::push_back(Window window) {
  if (window.empty()) return;
  bytes_ += window.size();
  if (!windows_.empty() && windows_.back().is_followed_by(window)) {
    windows_.back().extend(window);
  } else {
    windows_.push_back(std::move(window));
  }
}

void WindowList::append(const WindowList& other) {
  RELAY_ASSERT(&other != this);
  for (const Window& window : other) push_back(window);
}

void WindowList::clear() noexcept {
  windows_.clear();
  bytes_ = 0;
}

WindowList WindowList::take_front(std::size_t count) {
  RELAY_ASSERT(count <= bytes_);
  WindowList taken;
  std::size_t whole = 0;
  while (whole < windows_.size() && taken.bytes_ + windows_[whole].size() <= count) {
    taken.push_back(std::move(windows_[whole++]));
  }
  windows_.erase(windows_.begin(), windows_.begin() + static_cast<std::ptrdiff_t>(whole));
  if (const std::size_t part = count - taken.bytes_; part > 0) {
    taken.push_back(windows_.front().first(part));
    windows_.front().drop_front(part);
  }
  bytes_ -= count;
  return taken;
}

void WindowList::drop_front(std::size_t count) {
  RELAY_ASSERT(count <= bytes_);
  bytes_ -= count;
  std::size_t whole = 0;
  while (whole < windows_.size() && windows_[whole].size() <= count) {
    count -= windows_[whole++].size();
  }
  windows_.erase(windows_.begin(), windows_.begin() + static_cast<std::ptrdiff_t>(whole));
  if (count > 0) windows_.front().drop_front(count);
}

std::size_t WindowList::copy_out(std::size_t from, std::span<std::byte> out) const noexcept {
  std::size_t copied = 0;
  for (const Window& window : windows_) {
    if (copied == out.size()) break;
    if (from >= window.size()) {
      from -= window.size();
      continue;
    }
    const std::size_t part = std::min(window.size() - from, out.size() - copied);
    std::memcpy(out.data() + copied, window.data() + from, part);
    copied += part;
    from = 0;
  }
  return copied;
}

}  // namespace memory

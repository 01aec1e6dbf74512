#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace base {

/// What a sans-IO object has to tell, in order: `pop()` until it is empty after every input, so
/// that it holds what one input can make. Its memory stays for the next ones.
template <class T>
class DrainedQueue {
 public:
  template <class... Arguments>
  T& push(Arguments&&... arguments) {
    return items_.emplace_back(std::forward<Arguments>(arguments)...);
  }
  bool empty() const noexcept { return next_ == items_.size(); }
  std::optional<T> pop() {
    if (empty()) {
      clear();
      return std::nullopt;
    }
    return std::move(items_[next_++]);
  }
  void clear() noexcept {
    items_.clear();
    next_ = 0;
  }
  /// Lets its memory go, too: only while empty.
  void release() noexcept {
    clear();
    items_ = std::vector<T>();  // what `{}` assigns keeps the memory
  }

 private:
  std::vector<T> items_;
  std::size_t next_ = 0;
};

}  // namespace base

#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace base {

/// Text that comes in pieces, line by line. A line ends with `\n` or `\r`; empty ones are left out,
/// and of one that is too long the rest is.
class LineSplitter {
 public:
  static constexpr std::size_t line_bytes_max = 1000;

  /// Calls `on_line(std::string_view)` for every line that ends in `bytes`.
  template <class OnLine>
  void feed(std::span<const std::byte> bytes, OnLine on_line) {
    std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    while (!text.empty()) {
      const std::size_t end = text.find_first_of("\r\n");
      append(text.substr(0, end));
      if (end == std::string_view::npos) return;
      text.remove_prefix(end + 1);
      finish(on_line);
    }
  }
  /// What was begun is a line: nothing follows.
  template <class OnLine>
  void finish(OnLine on_line) {
    if (!line_.empty()) on_line(std::string_view(line_));
    line_.clear();
  }

 private:
  void append(std::string_view text) {
    line_ += text.substr(0, line_bytes_max - std::min(line_.size(), line_bytes_max));
  }

  std::string line_;
};

}  // namespace base

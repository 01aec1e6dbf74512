#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "relay/base/time.hpp"

namespace disk {

/// 1.2 GiB; to be read, not to be read back.
std::string to_size(std::uint64_t bytes);
/// 1h 02m 03s, or 3.2s below a minute.
std::string to_length(base::Duration duration);

/// What a command says while it works: lines on `out`, and below them, on a terminal, a bar.
class Progress {
 public:
  /// `bar`: nothing, or the terminal. `total`: bytes, 0: there is nothing to do.
  Progress(std::ostream& out, std::ostream* bar, std::uint64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void line(const std::string& text);
  void add(std::uint64_t bytes);

 private:
  void show();
  void hide();

  std::ostream& out_;
  std::ostream* bar_;
  std::uint64_t total_;
  std::uint64_t bytes_ = 0;
  base::Time began_;
  base::Time shown_at_{};
  bool is_shown_ = false;
};

}  // namespace disk

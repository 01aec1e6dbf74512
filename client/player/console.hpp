#pragma once

#include <mutex>
#include <string>

namespace client {

/// What the program says: results on stdout, events and, on a terminal, a status line on stderr.
/// Any thread.
class Console {
 public:
  /// `has_status`: whether `status()` shows anything; only on a terminal. `about`: what is said is
  /// about that; empty: about all.
  explicit Console(bool has_status, std::string about = {}) noexcept
      : has_status_(has_status), about_(about.empty() ? about : about + ": ") {}
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  void print(const std::string& line);   ///< to stdout, at once
  void say(const std::string& line);     ///< to stderr, after the name of the program
  void status(const std::string& text);  ///< replaces the one before

 private:
  void clear();

  std::mutex lock_;
  bool has_status_;
  std::string about_;
  bool is_shown_ = false;
};

}  // namespace client

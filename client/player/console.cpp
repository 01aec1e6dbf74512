#include "client/player/console.hpp"

#include <cstdio>

namespace client {

Console::~Console() {
  if (is_shown_) std::fputc('\n', stderr);
}

void Console::clear() {
  if (is_shown_) std::fputs("\r\x1b[K", stderr);
  is_shown_ = false;
}

void Console::print(const std::string& line) {
  const std::lock_guard guard(lock_);
  std::fprintf(stdout, "%s\n", line.c_str());
  std::fflush(stdout);
}

void Console::say(const std::string& line) {
  const std::lock_guard guard(lock_);
  clear();
  std::fprintf(stderr, "spancast-player: %s%s\n", about_.c_str(), line.c_str());
}

void Console::status(const std::string& text) {
  if (!has_status_) return;
  const std::lock_guard guard(lock_);
  clear();
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
  is_shown_ = true;
}

}  // namespace client

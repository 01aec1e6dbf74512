#include "relay/base/credentials.hpp"

namespace base {

std::string hide_credentials(std::string_view text) {
  static constexpr std::string_view separator = "://";
  std::string shown;
  for (;;) {
    const auto found = text.find(separator);
    if (found == std::string_view::npos) return shown += text;
    const auto begin = found + separator.size();
    shown += text.substr(0, begin);
    text.remove_prefix(begin);
    // A password with a slash or an @ of its own is wrong, but a password: up to the last @.
    const std::string_view word = text.substr(0, text.find_first_of(" \t\"'<>|,"));
    const std::string_view authority = word.substr(0, word.find("://"));
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
      shown += "***";
      text.remove_prefix(at);
    }
  }
}

}  // namespace base

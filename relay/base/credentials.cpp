#include "relay/base/credentials.hpp"

namespace base {
namespace {

constexpr std::string_view separator = "://";

}  // namespace

std::optional<TextRange> find_credentials(std::string_view text, std::size_t at) noexcept {
  while ((at = text.find(separator, at)) != std::string_view::npos) {
    at += separator.size();
    // What no URL has ends it; commas and single quotes may be in a password.
    std::string_view word = text.substr(at);
    word = word.substr(0, word.find_first_of(" \t\r\n\"<>|"));
    // To the last @ before the next URL, if there is one, else to the last of all.
    std::size_t sign = word.substr(0, word.find(separator)).rfind('@');
    if (sign == std::string_view::npos) sign = word.rfind('@');
    if (sign != std::string_view::npos) return TextRange{at, at + sign};
  }
  return std::nullopt;
}

std::string hide_credentials(std::string_view text) {
  std::string shown;
  std::size_t at = 0;
  while (const auto found = find_credentials(text, at)) {
    shown += text.substr(at, found->begin - at);
    shown += "***";
    at = found->end;
  }
  return shown += text.substr(at);
}

}  // namespace base

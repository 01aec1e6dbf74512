#include "relay/http/request_head.hpp"

#include <algorithm>

namespace http {
namespace {

char to_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

}  // namespace

bool equal_ignoring_case(std::string_view left, std::string_view right) noexcept {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](char a, char b) { return to_lower(a) == to_lower(b); });
}

const std::string* RequestHead::find(std::string_view name) const noexcept {
  for (const auto& [field, value] : fields) {
    if (equal_ignoring_case(field, name)) return &value;
  }
  return nullptr;
}

}  // namespace http

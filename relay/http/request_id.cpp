#include "relay/http/request_id.hpp"

#include <algorithm>

#include "relay/http/characters.hpp"

namespace http {
namespace {

constexpr std::string_view field_name = "X-Request-Id";

bool is_sane(std::string_view text) noexcept {
  constexpr std::string_view others = ":/+=@";
  return !text.empty() && text.size() <= request_id_bytes_max &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return is_unreserved(c) || others.find(c) != std::string_view::npos;
         });
}

}  // namespace

std::string_view find_request_id(const RequestHead& head) noexcept {
  std::string_view found;
  for (const auto& [name, value] : head.fields) {
    if (!equal_ignoring_case(name, field_name)) continue;
    if (!found.empty() || !is_sane(value)) return {};
    found = value;
  }
  return found;
}

}  // namespace http

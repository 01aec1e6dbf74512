#include "relay/http/request_id.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdio>

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

std::string make_request_id(std::uint64_t high, std::uint64_t low) {
  char text[33];
  std::snprintf(text, sizeof text, "%016" PRIx64 "%016" PRIx64, high, low);
  return text;
}

}  // namespace http

#include "relay/http/etag.hpp"

#include "relay/http/characters.hpp"

namespace http {

bool has_etag(std::string_view field, std::string_view etag) noexcept {
  constexpr std::string_view weak = "W/";
  field = trim(field);
  if (field == "*") return true;
  if (etag.starts_with(weak)) etag.remove_prefix(weak.size());
  while (!field.empty()) {
    if (field.starts_with(weak)) field.remove_prefix(weak.size());
    // A tag may have commas in it.
    const std::size_t close = field.starts_with('"') ? field.find('"', 1) : std::string_view::npos;
    if (close == std::string_view::npos) return false;
    if (field.substr(0, close + 1) == etag) return true;
    field = trim(field.substr(close + 1));
    if (!field.empty() && field.front() != ',') return false;
    while (field.starts_with(',')) field = trim(field.substr(1));
  }
  return false;
}

}  // namespace http

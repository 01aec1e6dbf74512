#include "relay/http/shown_target.hpp"

#include <algorithm>
#include <array>

#include "relay/base/credentials.hpp"
#include "relay/http/characters.hpp"

namespace http {
namespace {

constexpr std::string_view hidden = "***";
// As `query` reads them. None of them is a secret: an id only names a token.
constexpr std::array<std::string_view, 11> known{
    "wait", "slow", "max_lag", "flush", "at", "from", "to", "stream", "format", "id", "after"};

/// A parameter of ours with a value that it may have, and nothing that somebody has appended.
bool is_known(std::string_view parameter) {
  const auto equals = std::min(parameter.find('='), parameter.size());
  const auto value = parameter.substr(std::min(equals + 1, parameter.size()));
  constexpr std::string_view others = ":/+%";
  return std::find(known.begin(), known.end(), parameter.substr(0, equals)) != known.end() &&
         std::all_of(value.begin(), value.end(), [&](char c) {
           return is_unreserved(c) || others.find(c) != std::string_view::npos;
         });
}

}  // namespace

std::string shown_target(std::string_view target) {
  const std::size_t path = std::min(target.find('?'), target.size());
  std::string shown(target.substr(0, path));
  std::string_view query = target.substr(path);
  while (!query.empty()) {
    shown += query.front();  // `?`, then `&`
    query.remove_prefix(1);
    const auto parameter = query.substr(0, query.find('&'));
    shown += parameter.empty() || is_known(parameter) ? parameter : hidden;
    query.remove_prefix(parameter.size());
  }
  return cut_to_show(base::hide_credentials(shown));
}

std::string cut_to_show(std::string_view text) {
  std::string shown(text.substr(0, shown_bytes_max));
  if (text.size() > shown_bytes_max) shown += "...";
  return shown;
}

}  // namespace http

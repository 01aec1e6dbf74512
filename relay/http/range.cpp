#include "relay/http/range.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "relay/http/characters.hpp"
#include "relay/http/request_head.hpp"

namespace http {
namespace {

/// A position that does not fit is behind every end.
std::optional<std::uint64_t> read_position(std::string_view digits) noexcept {
  if (!is_digits(digits)) return std::nullopt;
  std::uint64_t position = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), position);
  return read.ec == std::errc() ? position : UINT64_MAX;
}

/// The only element of a list, in which empty ones do not count (RFC 9110, 5.6.1.2).
std::optional<std::string_view> only_element(std::string_view list) noexcept {
  std::string_view only;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const auto element = trim(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (element.empty()) continue;
    if (!only.empty()) return std::nullopt;
    only = element;
  }
  return only;
}

Part some(std::uint64_t first, std::uint64_t bytes) noexcept {
  return {Part::Kind::some, first, bytes};
}

}  // namespace

Part read_range(std::string_view field, std::uint64_t bytes) noexcept {
  const Part whole{Part::Kind::whole, 0, bytes};
  const Part none{Part::Kind::none, 0, 0};
  const std::size_t equals = field.find('=');
  if (equals == std::string_view::npos) return whole;
  if (!equal_ignoring_case(field.substr(0, equals), "bytes")) return whole;
  const auto range = only_element(field.substr(equals + 1));
  const std::size_t dash = range ? range->find('-') : std::string_view::npos;
  if (dash == std::string_view::npos) return whole;
  const auto left = range->substr(0, dash);
  const auto right = range->substr(dash + 1);
  const auto last = read_position(right);
  if (!last && !(right.empty() && !left.empty())) return whole;
  if (left.empty()) {
    if (*last == 0) return none;
    if (bytes == 0) return whole;
    const std::uint64_t size = std::min(*last, bytes);
    return some(bytes - size, size);
  }
  const auto first = read_position(left);
  if (!first || (last && *last < *first)) return whole;
  if (*first >= bytes) return none;
  return some(*first, std::min(last.value_or(UINT64_MAX), bytes - 1) - *first + 1);
}

}  // namespace http

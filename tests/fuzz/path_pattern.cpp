// A pattern, a line end and a path: PathPattern against a twin that tries every way to match.
#include "relay/control/path_pattern.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "relay/base/assert.hpp"

namespace {

std::vector<std::string> split(std::string_view text) {
  if (text.starts_with('/')) text.remove_prefix(1);
  std::vector<std::string> segments(1);
  for (const char c : text) {
    if (c == '/') {
      segments.emplace_back();
    } else {
      segments.back() += c;
    }
  }
  return segments;
}

/// Whether all of `pattern` matches all of `text`: a table of every pair of beginnings.
template <class Sequence, class IsStar, class Equal>
bool matches(const Sequence& pattern, const Sequence& text, IsStar is_star, Equal equal) {
  std::vector<std::vector<bool>> table(pattern.size() + 1,
                                       std::vector<bool>(text.size() + 1, false));
  table[0][0] = true;
  for (std::size_t p = 1; p <= pattern.size(); ++p) {
    const bool star = is_star(pattern[p - 1]);
    for (std::size_t t = 0; t <= text.size(); ++t) {
      if (star) {
        table[p][t] = table[p - 1][t] || (t > 0 && table[p][t - 1]);
      } else {
        table[p][t] = t > 0 && table[p - 1][t - 1] && equal(pattern[p - 1], text[t - 1]);
      }
    }
  }
  return table[pattern.size()][text.size()];
}

bool twin_matches(std::string_view pattern, std::string_view path) {
  const auto match_segment = [](const std::string& one, const std::string& segment) {
    return matches(
        one, segment, [](char c) { return c == '*'; }, [](char a, char b) { return a == b; });
  };
  return matches(
      split(pattern), split(path), [](const std::string& segment) { return segment == "**"; },
      match_segment);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data),
                              std::min<std::size_t>(size, 600));
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view pattern = text.substr(0, end);
  const std::string_view path = text.substr(std::min(end + 1, text.size()));
  const auto parsed = control::PathPattern::parse(pattern);
  if (!parsed) return 0;
  RELAY_ASSERT(control::PathPattern::parse(parsed->text())->text() == parsed->text());
  RELAY_ASSERT(parsed->matches(path) == twin_matches(pattern, path));
  RELAY_ASSERT(parsed->matches(pattern) || pattern.find('*') != std::string_view::npos);
  return 0;
}

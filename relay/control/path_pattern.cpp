#include "relay/control/path_pattern.hpp"

#include <algorithm>

namespace control {
namespace {

constexpr std::size_t segments_max = 16;
constexpr std::size_t segment_bytes_max = 64;

bool is_path_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '~' || c == '-';
}

template <class Segment>
std::vector<Segment> split(std::string_view text) {
  std::vector<Segment> segments;
  while (true) {
    const auto slash = text.find('/');
    segments.emplace_back(text.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    text.remove_prefix(slash + 1);
  }
}

std::string_view without_leading_slash(std::string_view text) {
  if (text.starts_with('/')) text.remove_prefix(1);
  return text;
}

/// Matches a sequence against a pattern in which some elements are stars. Only the last star seen
/// is ever tried again, so the time is bounded by the product of the lengths.
template <class Pattern, class Text, class IsStar, class Equal>
bool match_stars(const Pattern& pattern, const Text& text, IsStar is_star, Equal equal) {
  std::size_t p = 0, t = 0, after_star = 0, star_end = 0;
  bool star = false;
  while (t < text.size()) {
    if (p < pattern.size() && is_star(pattern[p])) {
      star = true;
      after_star = ++p;
      star_end = t;
    } else if (p < pattern.size() && equal(pattern[p], text[t])) {
      ++p;
      ++t;
    } else if (star) {
      p = after_star;
      t = ++star_end;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && is_star(pattern[p])) ++p;
  return p == pattern.size();
}

bool match_segment(std::string_view pattern, std::string_view segment) {
  return match_stars(
      pattern, segment, [](char c) { return c == '*'; }, [](char a, char b) { return a == b; });
}

bool is_segment_pattern(std::string_view segment) {
  if (segment == "**") return true;
  return !segment.empty() && segment.size() <= segment_bytes_max && segment.front() != '.' &&
         segment.find("**") == std::string_view::npos &&
         std::all_of(segment.begin(), segment.end(),
                     [](char c) { return c == '*' || is_path_character(c); });
}

}  // namespace

std::optional<PathPattern> PathPattern::parse(std::string_view text) {
  text = without_leading_slash(text);
  PathPattern pattern;
  pattern.text_ = text;
  pattern.segments_ = split<std::string>(text);
  if (pattern.segments_.size() > segments_max ||
      !std::all_of(pattern.segments_.begin(), pattern.segments_.end(), is_segment_pattern)) {
    return std::nullopt;
  }
  return pattern;
}

bool PathPattern::matches(std::string_view path) const {
  return match_stars(
      segments_, split<std::string_view>(without_leading_slash(path)),
      [](const std::string& segment) { return segment == "**"; }, match_segment);
}

}  // namespace control

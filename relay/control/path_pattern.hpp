#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace control {

/// Which stream paths a rule is for. In a segment, `*` stands for any characters of that segment;
/// the segment `**` stands for any number of segments, none included. All else stands for itself:
/// `live/*`, `cams/**`, `**/cam-*`.
class PathPattern {
 public:
  /// Nothing when no stream path could match: an empty segment, a character that no path has, `**`
  /// beside other characters, or more than 16 segments of 64 characters. One slash in front is
  /// allowed and means nothing.
  static std::optional<PathPattern> parse(std::string_view text);

  bool matches(std::string_view path) const;

  /// As given, without the slash in front.
  const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
  std::vector<std::string> segments_;
};

}  // namespace control

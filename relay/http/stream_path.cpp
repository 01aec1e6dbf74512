#include "relay/http/stream_path.hpp"

#include <algorithm>
#include <array>

#include "relay/http/characters.hpp"

namespace http {
namespace {

constexpr std::size_t segments_max = 8;
constexpr std::size_t segment_bytes_max = 64;
constexpr std::array<std::string_view, 6> reserved_first = {"api",    "admin",   "healthz",
                                                            "readyz", "metrics", "assets"};
constexpr std::array<std::string_view, 8> reserved_last = {
    "index", "clip", "init", "hls", "embed", "publish", "snapshot", "timeline"};

std::optional<std::string> find_segment_flaw(std::string_view segment) {
  if (segment.empty()) return "a path segment is empty";
  if (segment.front() == '.') return "a path segment begins with a dot";
  if (segment.size() > segment_bytes_max) return "a path segment has more than 64 characters";
  if (!std::all_of(segment.begin(), segment.end(), is_unreserved)) {
    return "a path segment has a character other than A-Z a-z 0-9 . _ ~ -";
  }
  return std::nullopt;
}

template <std::size_t size>
bool contains(const std::array<std::string_view, size>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::optional<std::string> decode_path(std::string_view path) {
  std::string decoded;
  decoded.reserve(path.size());
  while (!path.empty()) {
    char c = path.front();
    path.remove_prefix(1);
    if (c == '%') {
      if (path.size() < 2) return std::nullopt;
      const int high = hex_digit(path[0]);
      const int low = hex_digit(path[1]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high << 4 | low);
      if (!is_unreserved(c)) return std::nullopt;
      path.remove_prefix(2);
    }
    decoded += c;
  }
  return decoded;
}

std::optional<std::string> find_flaw(std::string_view stream) {
  std::size_t segments = 0;
  for (std::size_t begin = 0; begin <= stream.size();) {
    const std::size_t end = std::min(stream.find('/', begin), stream.size());
    if (auto flaw = find_segment_flaw(stream.substr(begin, end - begin))) return flaw;
    if (++segments > segments_max) return "the path has more than eight segments";
    begin = end + 1;
  }
  return std::nullopt;
}

std::optional<std::string> find_reserved(std::string_view stream) {
  const auto first = stream.substr(0, stream.find('/'));
  if (contains(reserved_first, first)) {
    return "a stream's path cannot begin with the reserved name " + std::string(first);
  }
  const auto last = stream.substr(stream.rfind('/') + 1);  // npos + 1 is 0
  if (contains(reserved_last, last)) {
    return "a stream's path cannot end in the reserved name " + std::string(last);
  }
  return std::nullopt;
}

}  // namespace http

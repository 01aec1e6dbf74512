#include "relay/disk/layout.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string_view>

#include "relay/protocol/wire/message.hpp"

namespace disk {
namespace {

using std::chrono::days;
using std::chrono::microseconds;

// design.md, section 5: what a stream may be called.
constexpr std::size_t segments_max = 8;
constexpr std::size_t segment_bytes_max = 64;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_unreserved(char c) noexcept {
  return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         std::string_view("._~-").find(c) != std::string_view::npos;
}

bool is_stream(std::string_view name) noexcept {
  for (std::size_t segments = 1; segments <= segments_max; ++segments) {
    const std::string_view segment = name.substr(0, name.find('/'));
    if (segment.empty() || segment.front() == '.' || segment.size() > segment_bytes_max ||
        !std::ranges::all_of(segment, is_unreserved)) {
      return false;
    }
    if (segment.size() == name.size()) return true;
    name.remove_prefix(segment.size() + 1);
  }
  return false;
}

// As text: of that of a path.
std::string below_root(const std::string& stream, base::Utc start) {
  const auto day = std::chrono::floor<days>(start);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(start - day);
  const int year = static_cast<int>(date.year());
  const auto month = static_cast<unsigned>(date.month());
  const auto month_day = static_cast<unsigned>(date.day());
  const auto hour = static_cast<int>(time.hours().count());
  const auto minute = static_cast<int>(time.minutes().count());
  const auto second = static_cast<int>(time.seconds().count());
  const auto micros = static_cast<int>(time.subseconds().count());
  char text[128];
  std::snprintf(text, sizeof text, "/@%04d-%02u-%02u/%02d/%04d%02u%02uT%02d%02d%02d.%06dZ.mp4",
                year, month, month_day, hour, year, month, month_day, hour, minute, second, micros);
  return stream + text;
}

// All of it digits, or nothing.
std::optional<unsigned> number(std::string_view text) noexcept {
  unsigned value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value;
}

// 20261126T193106.123456Z.mp4
std::optional<base::Utc> read_start(std::string_view name) noexcept {
  constexpr std::string_view form = "YYYYmmddTHHMMSS.uuuuuuZ.mp4";
  if (name.size() != form.size()) return std::nullopt;
  const auto year = number(name.substr(0, 4));
  const auto month = number(name.substr(4, 2));
  const auto day = number(name.substr(6, 2));
  const auto hour = number(name.substr(9, 2));
  const auto minute = number(name.substr(11, 2));
  const auto second = number(name.substr(13, 2));
  const auto micros = number(name.substr(16, 6));
  if (!year || !month || !day || !hour || !minute || !second || !micros) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(*month), std::chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second) + microseconds(*micros);
}

}  // namespace

std::filesystem::path segment_path(const std::filesystem::path& root, const std::string& stream,
                                   base::Utc start) {
  return root / below_root(stream, start);
}

// Whatever of the text is read in no other way than it is written is right when it comes out again.
std::optional<SegmentName> read_segment_path(const std::filesystem::path& path) {
  const std::string& text = path.native();
  const std::size_t at = text.find("/@");
  if (at == std::string::npos || !is_stream(std::string_view(text).substr(0, at))) {
    return std::nullopt;
  }
  const auto start = read_start(std::string_view(text).substr(text.rfind('/') + 1));
  if (!start || start->time_since_epoch() < microseconds::zero() ||
      start->time_since_epoch() > microseconds(wire::utc_us_max)) {
    return std::nullopt;
  }
  SegmentName name{text.substr(0, at), *start};
  if (below_root(name.stream, name.start) != text) return std::nullopt;
  return name;
}

}  // namespace disk

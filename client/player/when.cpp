#include "client/player/when.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "relay/base/units.hpp"

namespace client {
namespace {

using std::chrono::microseconds;

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// Takes text from the front; after something that is not there everything fails.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  int number(std::size_t digits) noexcept {
    int value = 0;
    if (text_.size() < digits) return fail();
    for (const char c : text_.substr(0, digits)) {
      if (!is_digit(c)) return fail();
      value = value * 10 + (c - '0');
    }
    text_.remove_prefix(digits);
    return value;
  }
  bool take(char wanted) noexcept {
    if (text_.empty() || text_.front() != wanted) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char wanted) noexcept {
    if (!take(wanted)) fail();
  }
  /// Behind the point; what is finer than a microsecond is cut off.
  microseconds fraction() noexcept {
    std::int64_t value = 0;
    std::size_t digits = 0;
    for (; digits < text_.size() && is_digit(text_[digits]); ++digits) {
      if (digits < 6) value = value * 10 + (text_[digits] - '0');
    }
    if (digits == 0) fail();
    text_.remove_prefix(digits);
    for (; digits < 6; ++digits) value *= 10;
    return microseconds(value);
  }
  bool is_done() const noexcept { return is_good_ && text_.empty(); }

 private:
  int fail() noexcept {
    is_good_ = false;
    text_ = {};
    return 0;
  }

  std::string_view text_;
  bool is_good_ = true;
};

// RFC 3339, 5.6; 'T' and 'Z' may be small, and a space may stand for the 'T'.
std::optional<base::Utc> parse_rfc3339(std::string_view text) {
  Scanner scanner(text);
  const std::chrono::year year(scanner.number(4));
  scanner.expect('-');
  const std::chrono::month month(static_cast<unsigned>(scanner.number(2)));
  scanner.expect('-');
  const std::chrono::day day(static_cast<unsigned>(scanner.number(2)));
  if (!scanner.take('T') && !scanner.take('t')) scanner.expect(' ');
  const int hour = scanner.number(2);
  scanner.expect(':');
  const int minute = scanner.number(2);
  scanner.expect(':');
  const int second = scanner.number(2);
  const microseconds fraction = scanner.take('.') ? scanner.fraction() : microseconds(0);
  std::chrono::minutes offset(0);
  if (!scanner.take('Z') && !scanner.take('z')) {
    const bool is_west = scanner.take('-');
    if (!is_west) scanner.expect('+');
    const int hours = scanner.number(2);
    scanner.expect(':');
    const int minutes = scanner.number(2);
    if (hours > 23 || minutes > 59) return std::nullopt;
    offset = std::chrono::minutes((is_west ? -1 : 1) * (hours * 60 + minutes));
  }
  const std::chrono::year_month_day date(year, month, day);
  if (!scanner.is_done() || !date.ok() || hour > 23 || minute > 59 || second > 60) {
    return std::nullopt;
  }
  return base::Utc(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
         std::chrono::minutes(minute) + std::chrono::seconds(second) + fraction - offset;
}

}  // namespace

std::optional<base::Utc> parse_when(std::string_view text, base::Utc now) {
  std::optional<base::Utc> utc;
  if (text.starts_with('-')) {
    const auto back = base::parse_duration(text.substr(1));
    if (!back) return std::nullopt;
    utc = now - std::chrono::floor<microseconds>(*back);
  } else {
    utc = parse_rfc3339(text);
  }
  // The wire knows no time before 1970.
  if (utc && utc->time_since_epoch() < microseconds(0)) return std::nullopt;
  return utc;
}

}  // namespace client

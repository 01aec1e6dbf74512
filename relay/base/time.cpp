#include "relay/base/time.hpp"

#include <cstdio>
#include <ctime>

namespace base {
namespace {

/// Takes a text apart from its front; once something is missing it stays wrong.
class Taker {
 public:
  explicit Taker(std::string_view text) : rest_(text) {}

  /// So many digits.
  int number(std::size_t digits) noexcept {
    int value = 0;
    for (std::size_t index = 0; index < digits; ++index) {
      if (!at_digit()) return fail();
      value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }
  bool take(std::string_view one_of) noexcept {
    if (rest_.empty() || one_of.find(rest_.front()) == std::string_view::npos) return false;
    last_ = rest_.front();
    rest_.remove_prefix(1);
    return true;
  }
  void expect(std::string_view one_of) noexcept {
    if (!take(one_of)) fail();
  }
  /// Digits, at least one, as a part of a second.
  std::chrono::microseconds fraction() noexcept {
    if (!at_digit()) fail();
    std::chrono::microseconds part{0};
    for (std::int64_t unit = 100'000; at_digit(); unit /= 10) {
      part += std::chrono::microseconds(unit * (rest_.front() - '0'));
      rest_.remove_prefix(1);
    }
    return part;
  }
  char last() const noexcept { return last_; }
  bool is_whole() const noexcept { return !failed_ && rest_.empty(); }

 private:
  bool at_digit() const noexcept {
    return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9';
  }
  int fail() noexcept {
    failed_ = true;
    return 0;
  }

  std::string_view rest_;
  char last_ = '\0';
  bool failed_ = false;
};

}  // namespace

std::string to_iso8601(Utc utc) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(utc);
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(utc - seconds).count();
  const std::time_t when = seconds.time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&when, &parts);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  char fraction[8];
  std::snprintf(fraction, sizeof fraction, ".%03dZ", static_cast<int>(milliseconds) % 1000);
  return std::string(text, size) + fraction;
}

std::optional<Utc> parse_rfc3339(std::string_view text) noexcept {
  using namespace std::chrono;
  Taker taker(text);
  const int years = taker.number(4);
  taker.expect("-");
  const int months = taker.number(2);
  taker.expect("-");
  const int days = taker.number(2);
  taker.expect("Tt");
  const hours hour{taker.number(2)};
  taker.expect(":");
  const minutes minute{taker.number(2)};
  taker.expect(":");
  const seconds second{taker.number(2)};
  const microseconds part = taker.take(".") ? taker.fraction() : microseconds{0};
  minutes offset{0};
  if (!taker.take("Zz")) {
    taker.expect("+-");
    const int sign = taker.last() == '-' ? -1 : 1;
    const hours offset_hours{taker.number(2)};
    taker.expect(":");
    const minutes offset_minutes{taker.number(2)};
    if (offset_hours > 23h || offset_minutes > 59min) return std::nullopt;
    offset = sign * (offset_hours + offset_minutes);
  }
  const year_month_day date{year(years), month(static_cast<unsigned>(months)),
                            day(static_cast<unsigned>(days))};
  if (!taker.is_whole() || !date.ok() || hour > 23h || minute > 59min || second > 60s) {
    return std::nullopt;
  }
  const Utc to_the_minute = sys_days(date) + hour + minute - offset;
  const bool is_last_minute = to_the_minute + 1min == ceil<std::chrono::days>(to_the_minute);
  if (second == 60s && !is_last_minute) return std::nullopt;
  return to_the_minute + second + part;
}

}  // namespace base

#include "relay/base/units.hpp"

#include <limits>
#include <span>

namespace base {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Largest first among those that format_duration() and format_size() choose from.
constexpr Unit duration_units[] = {
    {"h", 3'600'000'000'000}, {"m", 60'000'000'000}, {"s", 1'000'000'000},
    {"ms", 1'000'000},        {"us", 1'000},         {"", 1'000'000'000}};
constexpr Unit size_units[] = {
    {"GiB", 1ULL << 30},   {"MiB", 1ULL << 20}, {"KiB", 1ULL << 10}, {"B", 1},
    {"GB", 1'000'000'000}, {"MB", 1'000'000},   {"KB", 1'000},       {"", 1}};

// 19 digits always fit 64 bits; no sensible value needs more.
constexpr int digits_max = 19;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct Number {
  std::uint64_t digits = 0;  // all of them, before and after the point
  std::uint64_t divisor = 1;
};

/// Takes `12` or `12.5` off the front of `text`.
Result<Number> take_number(std::string_view& text) {
  if (text.empty() || !is_digit(text.front())) return Errc::not_a_number;
  Number number;
  int count = 0;
  bool in_fraction = false;
  while (!text.empty()) {
    if (text.front() == '.' && !in_fraction && text.size() > 1 && is_digit(text[1])) {
      in_fraction = true;
    } else if (is_digit(text.front())) {
      if (number.digits != 0 || text.front() != '0' || in_fraction) ++count;
      if (count > digits_max) return in_fraction ? Errc::too_precise : Errc::too_large;
      number.digits = number.digits * 10 + static_cast<std::uint64_t>(text.front() - '0');
      if (in_fraction) number.divisor *= 10;
    } else {
      break;
    }
    text.remove_prefix(1);
  }
  return number;
}

Result<std::uint64_t> parse_quantity(std::string_view text, std::span<const Unit> units) {
  const auto number = take_number(text);
  if (!number) return number.error();
  for (const Unit& unit : units) {
    if (unit.name != text) continue;
    // 64 bits of digits times 42 bits of factor: needs the wider type, and always fits it.
    __extension__ using Wide = unsigned __int128;
    const Wide product = Wide{number->digits} * unit.factor;
    if (product % number->divisor != 0) return Errc::too_precise;
    const Wide value = product / number->divisor;
    if (value > static_cast<Wide>(std::numeric_limits<std::int64_t>::max())) return Errc::too_large;
    return static_cast<std::uint64_t>(value);
  }
  // "1.", "1.5.2" and "1e3" are numbers gone wrong rather than units.
  return text.front() == '.' ? Errc::not_a_number : Errc::unknown_unit;
}

}  // namespace

const char* describe(Errc errc) noexcept {
  switch (errc) {
    case Errc::not_a_number:
      return "not a number";
    case Errc::unknown_unit:
      return "unknown unit";
    case Errc::too_large:
      return "too large";
    case Errc::too_precise:
      return "too many digits after the point";
  }
  return "unknown error";
}

Result<Duration> parse_duration(std::string_view text) {
  const auto nanoseconds = parse_quantity(text, duration_units);
  if (!nanoseconds) return nanoseconds.error();
  return Duration(static_cast<std::int64_t>(*nanoseconds));
}

Result<std::uint64_t> parse_size(std::string_view text) { return parse_quantity(text, size_units); }

std::string format_duration(Duration duration) {
  const auto nanoseconds = static_cast<std::uint64_t>(duration.count());
  if (nanoseconds == 0) return "0s";
  for (const Unit& unit : duration_units) {
    if (nanoseconds % unit.factor == 0)
      return std::to_string(nanoseconds / unit.factor).append(unit.name);
  }
  std::string fraction = std::to_string(1'000 + nanoseconds % 1'000);
  fraction.front() = '.';
  return std::to_string(nanoseconds / 1'000) + fraction + "us";
}

std::string format_size(std::uint64_t bytes) {
  if (bytes == 0) return "0";
  for (const Unit& unit : size_units) {
    if (bytes % unit.factor == 0) return std::to_string(bytes / unit.factor).append(unit.name);
  }
  return std::to_string(bytes);
}

}  // namespace base

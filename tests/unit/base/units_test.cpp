#include "relay/base/units.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace std::chrono_literals;

TEST_CASE("a duration is a number with a unit and a bare one is in seconds") {
  CHECK(base::parse_duration("350ms").value() == 350ms);
  CHECK(base::parse_duration("15s").value() == 15s);
  CHECK(base::parse_duration("15").value() == 15s);
  CHECK(base::parse_duration("7us").value() == 7us);
  CHECK(base::parse_duration("2m").value() == 2min);
  CHECK(base::parse_duration("24h").value() == 24h);
  CHECK(base::parse_duration("0").value() == 0s);
  CHECK(base::parse_duration("0000000000000000000000000010s").value() == 10s);
}

TEST_CASE("a fraction of a duration is exact") {
  CHECK(base::parse_duration("0.5s").value() == 500ms);
  CHECK(base::parse_duration("1.5h").value() == 90min);
  CHECK(base::parse_duration("0.1").value() == 100ms);
  CHECK(base::parse_duration("0.000000001s").value() == 1ns);
  CHECK(base::parse_duration("0.001us").value() == 1ns);
  CHECK(base::parse_duration("0.50000000000s").value() == 500ms);
  CHECK(base::parse_duration("0.0005us").error() == base::Errc::too_precise);
  CHECK(base::parse_duration("0.0000000001s").error() == base::Errc::too_precise);
  CHECK(base::parse_duration("0.33333333333333333333s").error() == base::Errc::too_precise);
}

TEST_CASE("what is no duration is refused with the reason") {
  for (const char* text : {"", "s", "-1s", "+1s", ".5s", " 5s", "1.", "1.s", "1.5.2s", "1..5"}) {
    CAPTURE(text);
    CHECK(base::parse_duration(text).error() == base::Errc::not_a_number);
  }
  for (const char* text : {"5 s", "5s ", "1e3", "5S", "5sec", "5ns", "5d", "0x10", "5MiB"}) {
    CAPTURE(text);
    CHECK(base::parse_duration(text).error() == base::Errc::unknown_unit);
  }
  CHECK(base::parse_duration(std::string_view("5\0s", 3)).error() == base::Errc::unknown_unit);
}

TEST_CASE("a duration ends where 63 bits of nanoseconds end") {
  CHECK(base::parse_duration("9223372036854775.807us").value() == base::Duration::max());
  CHECK(base::parse_duration("9223372036854775.808us").error() == base::Errc::too_large);
  CHECK(base::parse_duration("9999999999999999999h").error() == base::Errc::too_large);
  CHECK(base::parse_duration("99999999999999999999h").error() == base::Errc::too_large);
}

TEST_CASE("a size is a number with a binary or decimal unit and a bare one is in bytes") {
  CHECK(base::parse_size("256MiB").value() == 256u << 20);
  CHECK(base::parse_size("64KiB").value() == 64u << 10);
  CHECK(base::parse_size("3GiB").value() == 3ULL << 30);
  CHECK(base::parse_size("64KB").value() == 64'000);
  CHECK(base::parse_size("2MB").value() == 2'000'000);
  CHECK(base::parse_size("2GB").value() == 2'000'000'000);
  CHECK(base::parse_size("17B").value() == 17);
  CHECK(base::parse_size("17").value() == 17);
  CHECK(base::parse_size("0.5MiB").value() == 512u << 10);
  CHECK(base::parse_size("0.5B").error() == base::Errc::too_precise);
  CHECK(base::parse_size("1M").error() == base::Errc::unknown_unit);
  CHECK(base::parse_size("1mib").error() == base::Errc::unknown_unit);
  CHECK(base::parse_size("99999999999GiB").error() == base::Errc::too_large);
  CHECK(base::parse_size("MiB").error() == base::Errc::not_a_number);
}

TEST_CASE("formatted durations and sizes read back as they were") {
  CHECK(base::format_duration(0s) == "0s");
  CHECK(base::format_duration(10s) == "10s");
  CHECK(base::format_duration(90s) == "90s");
  CHECK(base::format_duration(120s) == "2m");
  CHECK(base::format_duration(350ms) == "350ms");
  CHECK(base::format_duration(1ns) == "0.001us");
  CHECK(base::format_duration(1'234'567ns) == "1234.567us");
  CHECK(base::format_size(0) == "0");
  CHECK(base::format_size(256u << 20) == "256MiB");
  CHECK(base::format_size(1500) == "1500B");
  std::uint64_t value = 1;
  while (value < std::uint64_t{1} << 62) {
    CAPTURE(value);
    const base::Duration duration(static_cast<std::int64_t>(value));
    CHECK(base::parse_duration(base::format_duration(duration)).value() == duration);
    CHECK(base::parse_size(base::format_size(value)).value() == value);
    value = value * 3 - value % 7;
  }
  CHECK(base::parse_duration(base::format_duration(base::Duration::max())).value() ==
        base::Duration::max());
}

TEST_CASE("the reasons are told apart in words") {
  CHECK(base::parse_size("x").error().message() == "not a number");
  CHECK(base::parse_size("1x").error().message() == "unknown unit");
  CHECK(base::parse_size("99999999999999999999").error().message() == "too large");
  CHECK(base::parse_size("0.3").error().message() == "too many digits after the point");
}

#include "relay/base/time.hpp"

#include <doctest/doctest.h>

namespace base {

using namespace std::chrono_literals;

TEST_CASE("a time is written as ISO 8601 in UTC with milliseconds") {
  CHECK(to_iso8601(Utc{}) == "1970-01-01T00:00:00.000Z");
  CHECK(to_iso8601(Utc(1795474560123456us)) == "2026-11-23T22:56:00.123Z");
  CHECK(to_iso8601(Utc(951827696s)) == "2000-02-29T12:34:56.000Z");
  CHECK(to_iso8601(Utc(253402300799s + 999999us)) == "9999-12-31T23:59:59.999Z");
}

TEST_CASE("a time before 1970 counts forwards too") {
  CHECK(to_iso8601(Utc(-1ms)) == "1969-12-31T23:59:59.999Z");
  CHECK(to_iso8601(Utc(-1s)) == "1969-12-31T23:59:59.000Z");
}

TEST_CASE("a duration is shown in seconds") {
  CHECK(to_seconds(1500ms) == doctest::Approx(1.5));
  CHECK(to_seconds(-1us) == doctest::Approx(-1e-6));
}

TEST_CASE("the clocks go on") {
  const Time then = monotonic_now();
  CHECK(monotonic_now() >= then);
  CHECK(utc_now() > Utc(1700000000s));
}

}  // namespace base

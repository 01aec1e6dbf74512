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

TEST_CASE("an RFC 3339 time is read whatever its offset and fraction") {
  const Utc utc(1795474560s);
  CHECK(parse_rfc3339("2026-11-23T22:56:00Z") == utc);
  CHECK(parse_rfc3339("2026-11-23t22:56:00z") == utc);
  CHECK(parse_rfc3339("2026-11-23T22:56:00+00:00") == utc);
  CHECK(parse_rfc3339("2026-11-23T22:56:00-00:00") == utc);
  CHECK(parse_rfc3339("2026-11-24T00:26:00+01:30") == utc);
  CHECK(parse_rfc3339("2026-11-23T14:56:00-08:00") == utc);
  CHECK(parse_rfc3339("2026-11-24T22:55:00+23:59") == utc);
  CHECK(parse_rfc3339("2026-11-23T22:56:00.1Z") == utc + 100ms);
  CHECK(parse_rfc3339("2026-11-23T22:56:00.123456Z") == utc + 123456us);
  CHECK(parse_rfc3339("2026-11-23T22:56:00.123456999999999999999999Z") == utc + 123456us);
  CHECK(parse_rfc3339("2026-11-23T22:56:00.0000001+00:00") == utc);
  CHECK(parse_rfc3339("2000-02-29T12:34:56Z") == Utc(951827696s));
  CHECK(parse_rfc3339("1969-12-31T23:59:59.999Z") == Utc(-1ms));
  CHECK(parse_rfc3339("9999-12-31T23:59:59.999999Z") == Utc(253402300799s + 999999us));
  CHECK(parse_rfc3339("0000-01-01T00:00:00Z") == Utc(-62167219200s));
  for (const Utc one : {Utc{}, utc, Utc(-1ms), Utc(253402300799s + 999ms)}) {
    CHECK(parse_rfc3339(to_iso8601(one)) == one);
  }
}

TEST_CASE("a leap second is the first of the next minute") {
  const Utc utc(1483228800s);
  CHECK(parse_rfc3339("2016-12-31T23:59:60Z") == utc);
  CHECK(parse_rfc3339("2016-12-31T15:59:60.5-08:00") == utc + 500ms);
  CHECK(!parse_rfc3339("2016-12-31T22:59:60Z"));
  CHECK(!parse_rfc3339("2016-12-31T23:59:60-08:00"));
}

TEST_CASE("what is no RFC 3339 time is refused") {
  for (const std::string_view text : {"",
                                      "2026",
                                      "2026-11-23",
                                      "2026-11-23T22:56Z",
                                      "2026-11-23T22:56:00",
                                      "20261123T225600Z",
                                      "2026-11-23 22:56:00Z",
                                      "2026-11-23T22:56:00,5Z",
                                      "2026-11-23T22:56:00.Z",
                                      "2026-11-23T22:56:00.",
                                      "2026-11-23T22:56:00.5",
                                      "2026-11-23T22:56:00Z ",
                                      " 2026-11-23T22:56:00Z",
                                      "2026-11-23T22:56:00ZZ",
                                      "2026-11-23T22:56:00+01",
                                      "2026-11-23T22:56:00+0100",
                                      "2026-11-23T22:56:00+24:00",
                                      "2026-11-23T22:56:00+01:60",
                                      "2026-11-23T22:56:00+1:00",
                                      "2026-11-23T24:00:00Z",
                                      "2026-11-23T22:60:00Z",
                                      "2026-11-23T22:56:61Z",
                                      "2026-13-01T00:00:00Z",
                                      "2026-00-01T00:00:00Z",
                                      "2026-01-00T00:00:00Z",
                                      "2026-02-29T00:00:00Z",
                                      "2026-04-31T00:00:00Z",
                                      "12026-11-23T22:56:00Z",
                                      "-026-11-23T22:56:00Z",
                                      "+2026-11-23T22:56:00Z",
                                      "2026-1-23T22:56:00Z",
                                      "2026-11-23T2 :56:00Z",
                                      "now",
                                      "1795474560"}) {
    CAPTURE(text);
    CHECK(!parse_rfc3339(text));
  }
  CHECK(!parse_rfc3339(std::string_view("2026-11-23T22:56:00Z\0", 21)));
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

#include "client/player/when.hpp"

#include <doctest/doctest.h>

#include <string>

namespace client {
namespace {

using std::chrono::microseconds;

constexpr base::Utc now{microseconds(1'800'000'000'000'000)};

std::string at(std::string_view text) {
  const auto utc = parse_when(text, now);
  return utc ? base::to_iso8601(*utc) : "none";
}

}  // namespace

TEST_CASE("a time of RFC 3339 is read in every form it has") {
  CHECK(at("2026-11-26T10:00:00Z") == "2026-11-26T10:00:00.000Z");
  CHECK(at("2026-11-26t10:00:00z") == "2026-11-26T10:00:00.000Z");
  CHECK(at("2026-11-26 10:00:00.25Z") == "2026-11-26T10:00:00.250Z");
  CHECK(at("2026-11-26T10:00:00.123456789+01:30") == "2026-11-26T08:30:00.123Z");
  CHECK(at("2026-11-26T10:00:00-08:00") == "2026-11-26T18:00:00.000Z");
  CHECK(at("2024-02-29T23:59:60Z") == "2024-03-01T00:00:00.000Z");
  CHECK(parse_when("1970-01-01T00:00:00.000001Z", now) == base::Utc(microseconds(1)));
}

TEST_CASE("a distance counts back from now") {
  CHECK(parse_when("-30s", now) == now - std::chrono::seconds(30));
  CHECK(parse_when("-1.5m", now) == now - std::chrono::seconds(90));
  CHECK(parse_when("-2", now) == now - std::chrono::seconds(2));
  CHECK(parse_when("-0s", now) == now);
}

TEST_CASE("what is no time is refused") {
  for (const char* text : {"",
                           "-",
                           "-x",
                           "--3s",
                           "-3 weeks",
                           "now",
                           "30s",
                           "10:00:00",
                           "2026-11-26",
                           "2026-11-26T10:00Z",
                           "2026-11-26T10:00:00",
                           "2026-11-26T10:00:00.Z",
                           "2026-13-01T00:00:00Z",
                           "2026-02-29T00:00:00Z",
                           "2026-11-26T24:00:00Z",
                           "2026-11-26T10:60:00Z",
                           "2026-11-26T10:00:61Z",
                           "2026-11-26T10:00:00+1:00",
                           "2026-11-26T10:00:00+24:00",
                           "2026-11-26T10:00:00Zx",
                           "26-11-26T10:00:00Z",
                           "1969-12-31T23:59:59Z",
                           "-9999999h"}) {
    CAPTURE(text);
    CHECK(at(text) == "none");
  }
}

}  // namespace client

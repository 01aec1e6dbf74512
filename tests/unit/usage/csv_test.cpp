#include "relay/usage/csv.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

namespace usage {

TEST_CASE("rows are lines with a head and end in CR LF") {
  CHECK(to_csv({}) == "day,stream,bytes_in,bytes_out,viewer_ms\r\n");
  const Day day = std::chrono::year(2026) / 11 / 23;
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  const std::vector<Entry> entries{{day, "", {1, 2, 3}}, {day, "live/cam", {0, most, 0}}};
  CHECK(to_csv(entries) ==
        "day,stream,bytes_in,bytes_out,viewer_ms\r\n"
        "2026-11-23,,1,2,3\r\n"
        "2026-11-23,live/cam,0,18446744073709551615,0\r\n");
}

TEST_CASE("a field is quoted where it must be") {
  CHECK(csv_field("live/cam-1.a_b~c d") == "live/cam-1.a_b~c d");
  CHECK(csv_field("a,b") == "\"a,b\"");
  CHECK(csv_field("a\"b") == "\"a\"\"b\"");
  CHECK(csv_field("\"") == "\"\"\"\"");
  CHECK(csv_field("\"a\",\"b\"") == "\"\"\"a\"\",\"\"b\"\"\"");
  CHECK(csv_field("a\nb") == "\"a\nb\"");
  CHECK(csv_field("a\rb") == "\"a\rb\"");
  const std::vector<Entry> entries{{Day(), "a,\"b\"", {1, 2, 3}}};
  CHECK(to_csv(entries).ends_with("\r\n1970-01-01,\"a,\"\"b\"\"\",1,2,3\r\n"));
}

}  // namespace usage

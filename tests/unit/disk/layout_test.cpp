#include "relay/disk/layout.hpp"

#include <doctest/doctest.h>

#include "relay/protocol/wire/message.hpp"

namespace disk {
namespace {

base::Utc utc(std::int64_t us) { return base::Utc(std::chrono::microseconds(us)); }

}  // namespace

TEST_CASE("a segment lies in a folder of its hour and has its start as its name") {
  CHECK(segment_path("/var/rec", "live/cam", utc(1'795'721'466'123'456)) ==
        "/var/rec/live/cam/@2026-11-26/19/20261126T193106.123456Z.mp4");
  CHECK(segment_path("", "cam", utc(0)) == "cam/@1970-01-01/00/19700101T000000.000000Z.mp4");
}

TEST_CASE("the path of a segment says which stream and when") {
  const std::string longest(64, 'x');
  std::string deepest = "1";
  for (int depth = 2; depth <= 8; ++depth) deepest += "/" + longest;
  for (const std::string& stream : {std::string("cam"), std::string("live/cam"),
                                    std::string("a.b/~c/-d_/E.mp4"), longest, deepest}) {
    for (const std::int64_t us : {std::int64_t{0}, std::int64_t{951'782'399'999'999},
                                  std::int64_t{1'709'164'800'000'000}, wire::utc_us_max}) {
      CAPTURE(stream);
      CAPTURE(us);
      const auto name = read_segment_path(segment_path("", stream, utc(us)));
      REQUIRE(name);
      CHECK(name->stream == stream);
      CHECK(name->start == utc(us));
    }
  }
}

TEST_CASE("what else may lie in the folder is no segment") {
  const std::string folder = "live/cam/@2026-11-26/19/";
  REQUIRE(read_segment_path(folder + "20261126T193106.123456Z.mp4"));
  for (const char* name :
       {"", "20261126T193106.123456Z.mp", "20261126T193106.123456Z.mp4~", "20261126T193106.123456Z",
        "20261126T193106.12345Z.mp4", "20261126T193106.1234567Z.mp4",
        "20261126T203106.123456Z.mp4",  // another hour
        "20261127T193106.123456Z.mp4",  // another day
        "20261126T193160.123456Z.mp4", "20261126T196006.123456Z.mp4", "20261126t193106.123456Z.mp4",
        "20261126T193106,123456Z.mp4", "+0261126T193106.123456Z.mp4", " 0261126T193106.123456Z.mp4",
        "20261126T193106.123456Z.mp4/", "20261126T193106.12345\0Z.mp4"}) {
    CAPTURE(name);
    CHECK_FALSE(read_segment_path(folder + name));
  }
  const std::string file = "/19/20261126T193106.123456Z.mp4";
  for (const std::string path :
       {"@2026-11-26", "/@2026-11-26", "/live/cam/@2026-11-26", "live//cam/@2026-11-26",
        "live/cam//@2026-11-26", "./live/cam/@2026-11-26", "live/../cam/@2026-11-26",
        "live/.cam/@2026-11-26", "live/c m/@2026-11-26", "live/cam@/@2026-11-26",
        "live/cam/2026-11-26", "live/cam/@2026-11-26/@2026-11-26", "live/cam/@2026-11-2",
        "live/cam/@2026-11-26/", "1/2/3/4/5/6/7/8/9/@2026-11-26", "live/c%6Dm/@2026-11-26"}) {
    CAPTURE(path);
    CHECK_FALSE(read_segment_path(path + file));
  }
  CHECK_FALSE(read_segment_path("live/" + std::string(65, 'x') + "/@2026-11-26" + file));
  CHECK_FALSE(read_segment_path("catalog.sqlite"));
  CHECK_FALSE(read_segment_path("live/cam/@2026-02-29/19/20260229T193106.123456Z.mp4"));
  CHECK_FALSE(read_segment_path("live/cam/@2026-13-01/19/20261301T193106.123456Z.mp4"));
}

}  // namespace disk

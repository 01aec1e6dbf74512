#include "relay/disk/folders.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/unit/disk/store_rig.hpp"

namespace disk {
namespace {

using namespace std::chrono_literals;
using test::noon;
using test::StoreRig;
using ::test::TemporaryFolder;
using test::value;

void touch(const TemporaryFolder& folder, const std::string& stream, base::Utc start) {
  StoreRig::write_file(segment_path(folder.path(), stream, start), "x");
}

}  // namespace

TEST_CASE("a root may be written in several ways") {
  for (const char* root : {"/a/b", "/a/b/", "/a/./b//", "/a/c/../b"}) {
    CHECK(normal_root(root) == "/a/b");
  }
  CHECK(normal_root("a/") == "a");
  CHECK(normal_root("./a") == "a");
}

TEST_CASE("the streams of a root are the folders that have dates in them") {
  const TemporaryFolder folder;
  CHECK(value(list_streams(folder.path())).empty());
  touch(folder, "live/cam", noon);
  touch(folder, "live", noon);
  touch(folder, "a/b/c/d/e/f/g/h", noon);
  StoreRig::write_file(folder.path() / "empty" / "file", "x");
  StoreRig::write_file(folder.path() / ".hidden" / "@2026-03-27" / "12" / "file", "x");
  CHECK(value(list_streams(folder.path())) ==
        std::vector<std::string>{"a/b/c/d/e/f/g/h", "live", "live/cam"});
  CHECK(!list_streams(folder.path() / "nowhere").has_value());
}

TEST_CASE("hours and segments are listed in order and from a time on") {
  const TemporaryFolder folder;
  for (const auto offset : {26h, 0h, 1h, 25h}) touch(folder, "live/cam", noon + offset);
  touch(folder, "live/cam", noon + 7s);
  touch(folder, "live/cam", noon + 3s);
  CHECK(value(list_hours(folder.path(), "live/cam")).size() == 4);
  const auto hours = value(list_hours(folder.path(), "live/cam", noon + 1h + 59min));
  REQUIRE(hours.size() == 3);
  CHECK(hours[0] == segment_path(folder.path(), "live/cam", noon + 1h).parent_path());
  CHECK(hours[2] == segment_path(folder.path(), "live/cam", noon + 26h).parent_path());

  const auto hour = segment_path(folder.path(), "live/cam", noon).parent_path();
  StoreRig::write_file(hour / "notes.txt", "x");
  const auto segments = value(list_segments(folder.path(), hour));
  REQUIRE(segments.size() == 3);
  CHECK(segments[0].start == noon);
  CHECK(segments[1].start == noon + 3s);
  CHECK(segments[2].start == noon + 7s);
  CHECK(segments[2].stream == "live/cam");
}

TEST_CASE("folders go with the last segment in them and the root stays") {
  const TemporaryFolder folder;
  touch(folder, "live/cam", noon);
  touch(folder, "live/other", noon);
  const auto remove = [&](const std::string& stream) {
    const auto file = segment_path(folder.path(), stream, noon);
    std::filesystem::remove(file);
    remove_empty_folders(folder.path(), file);
  };
  remove("live/cam");
  CHECK(!std::filesystem::exists(folder.path() / "live" / "cam"));
  CHECK(std::filesystem::exists(folder.path() / "live" / "other"));
  remove("live/other");
  CHECK(std::filesystem::is_empty(folder.path()));
}

}  // namespace disk

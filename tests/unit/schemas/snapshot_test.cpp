#include "tests/unit/schemas/snapshot.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace schemas {
namespace {

const std::filesystem::path sources = SPANCAST_SOURCES;

Snapshot snapshot_of(const std::string& text) {
  std::string folder = (std::filesystem::temp_directory_path() / "spancast-proto-XXXXXX").string();
  REQUIRE(mkdtemp(folder.data()) != nullptr);
  const std::filesystem::path root(folder);
  std::filesystem::create_directory(root / "schemas");
  std::ofstream(root / "schemas" / "a.proto") << "syntax = \"proto3\"; package p;\n" << text;
  const Snapshot snapshot = take_snapshot(root);
  std::filesystem::remove_all(root);
  return snapshot;
}

std::string breaks(const std::string& before, const std::string& now) {
  std::string all;
  for (const std::string& one : find_breaks(snapshot_of(before), snapshot_of(now))) {
    all += one + "\n";
  }
  return all;
}

const std::string message = "message M { uint32 a = 1; repeated string b = 2; }";

}  // namespace

// With SPANCAST_WRITE_SNAPSHOT in the environment it is written anew, if it may be.
TEST_CASE("the schemas are compatible with their snapshot and the same") {
  const auto file = sources / "tests" / "data" / "schemas" / "snapshot.txt";
  const Snapshot now = take_snapshot(sources);
  const bool writes = std::getenv("SPANCAST_WRITE_SNAPSHOT") != nullptr;
  const Snapshot before =
      writes && !std::filesystem::exists(file) ? Snapshot() : read_snapshot(file);
  const auto broken = find_breaks(before, now);
  for (const std::string& one : broken) {
    FAIL_CHECK("a change of schemas/ that older versions and stored state cannot bear: " << one);
  }
  if (broken.empty() && writes) return write_snapshot(file, now);
  if (!broken.empty()) return;
  for (const auto& [key, line] : now) {
    if (!before.contains(key) || before.at(key) != line) {
      FAIL_CHECK("not in the snapshot: " << key << " | " << line
                                         << ". The change is a good one: run "
                                         << "tests/data/make-schemas and commit what it writes");
    }
  }
}

TEST_CASE("fields and messages and values may be added") {
  CHECK(breaks(message,
               "message M { uint32 a = 1; repeated string b = 2; M c = 3; } "
               "message N { enum E { X = 0; } E e = 1; }") == "");
}

TEST_CASE("a number or a type that was changed is found") {
  CHECK(breaks(message, "message M { uint32 a = 1; repeated string b = 3; reserved 2; }") ==
        "p.M b had the number 2 and has 3; give it the old number, or the new one another name\n"
        "p.M 2 was `repeated string b` and is gone; write `reserved 2; reserved \"b\";` in its "
        "place\n");
  CHECK(breaks(message, "message M { int32 a = 1; repeated string b = 2; }") ==
        "p.M 1 was `uint32 a` and is `int32 a`; leave it as it was and add a field with a new "
        "number\n");
  CHECK(breaks(message, "message M { optional uint32 a = 1; string b = 2; }") != "");
  CHECK(breaks(message, "message M { oneof o { uint32 a = 1; } repeated string b = 2; }") != "");
  CHECK(breaks("message M { enum E { X = 0; Y = 1; } E e = 1; }",
               "message M { enum E { X = 0; Z = 1; } E e = 1; }") ==
        "p.M.E 1 was `value Y` and is `value Z`; leave it as it was and add a field with a new "
        "number\n");
}

TEST_CASE("a name that is used again is found") {
  CHECK(breaks(message, "message M { uint32 a = 1; reserved 2; uint32 b = 3; }") != "");
  CHECK(breaks("message M { reserved 2; reserved \"b\"; }",
               "message M { reserved 2; uint32 b = 3; }") ==
        "p.M: b was reserved because it once meant something; reserve it again\n");
}

TEST_CASE("what is removed has to be reserved") {
  CHECK(breaks(message, "message M { uint32 a = 1; }") ==
        "p.M 2 was `repeated string b` and is gone; write `reserved 2; reserved \"b\";` in its "
        "place\n");
  CHECK(breaks(message, "message M { uint32 a = 1; reserved 2; }") != "");
  CHECK(breaks(message, "message M { uint32 a = 1; reserved 2, 5 to 7; reserved \"b\"; }") == "");
  CHECK(breaks("enum E { X = 0; Y = 1; }", "enum E { X = 0; reserved 1; reserved \"Y\"; }") == "");
  CHECK(breaks("enum E { X = 0; Y = 1; }", "enum E { X = 0; }") != "");
  CHECK(breaks(message, "message N {}") ==
        "p.M is gone; older peers and files have it: leave it there\n");
}

TEST_CASE("a schema that cannot be read says where") {
  CHECK_THROWS_WITH_AS(snapshot_of("message M { nonsense }"),
                       "schemas/a.proto:2:22: Expected field name.\n", std::runtime_error);
}

}  // namespace schemas

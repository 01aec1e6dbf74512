#include "relay/disk/segment_file.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/unit/disk/size_limit.hpp"
#include "tests/unit/temporary_folder.hpp"

namespace disk {
namespace {

std::string read(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Rig {
  Rig() : file(folder.path() / "live" / "cam" / "@2026-11-26" / "19" / "one.mp4") {}
  SegmentFile create(SegmentFile::Folders folders = SegmentFile::Folders::all) {
    auto made = SegmentFile::create(folder.path(), file, "head", folders);
    REQUIRE(made.has_value());
    return std::move(*made);
  }

  ::test::TemporaryFolder folder;
  std::filesystem::path file;
};

}  // namespace

TEST_CASE("a segment file is made with its folders and is new") {
  Rig rig;
  {
    const SegmentFile file = rig.create();
    CHECK(file.bytes() == 4);
    CHECK(read(rig.file) == "head");
  }
  for (const auto folders : {SegmentFile::Folders::none, SegmentFile::Folders::last}) {
    const auto again = SegmentFile::create(rig.folder.path(), rig.file, "other", folders);
    REQUIRE_FALSE(again.has_value());
    CHECK(again.error() == boost::system::errc::file_exists);
  }
  CHECK(read(rig.file) == "head");
}

TEST_CASE("a folder that cannot be made is an error") {
  Rig rig;
  std::ofstream(rig.folder.path() / "live") << "a file";
  const auto made =
      SegmentFile::create(rig.folder.path(), rig.file, "head", SegmentFile::Folders::all);
  REQUIRE_FALSE(made.has_value());
  CHECK(made.error() == boost::system::errc::not_a_directory);
}

TEST_CASE("any number of windows is written in order") {
  Rig rig;
  SegmentFile file = rig.create();
  std::string expected = "head";
  std::vector<std::string> texts;
  for (int count = 0; count < 3'000; ++count) texts.push_back(std::to_string(count) + ";");
  std::vector<iovec> buffers;
  for (std::string& text : texts) {
    buffers.push_back({text.data(), text.size()});
    expected += text;
  }
  REQUIRE(file.write(std::span(buffers)).has_value());
  REQUIRE(file.write("end").has_value());
  CHECK(file.sync().has_value());
  CHECK(read(rig.file) == expected + "end");
  CHECK(file.bytes() == expected.size() + 3);
}

TEST_CASE("a write that does not end tells how far it came") {
  Rig rig;
  SegmentFile file = rig.create();
  std::string first(500, 'a');
  std::string second(500, 'b');
  iovec buffers[] = {{first.data(), first.size()}, {second.data(), second.size()}};
  {
    const test::SizeLimit limit(704);
    const auto done = file.write(std::span(buffers));
    REQUIRE_FALSE(done.has_value());
    CHECK(done.error() == boost::system::errc::file_too_large);
  }
  CHECK(file.bytes() == 704);
  CHECK(read(rig.file) == "head" + first + second.substr(0, 200));
  REQUIRE(file.cut(504).has_value());
  REQUIRE(file.write("index").has_value());
  CHECK(read(rig.file) == "head" + first + "index");
}

TEST_CASE("a file whose head cannot be written is not there") {
  Rig rig;
  const test::SizeLimit limit(2);
  const auto made =
      SegmentFile::create(rig.folder.path(), rig.file, "head", SegmentFile::Folders::none);
  CHECK_FALSE(made.has_value());
  CHECK_FALSE(std::filesystem::exists(rig.file));
}

}  // namespace disk

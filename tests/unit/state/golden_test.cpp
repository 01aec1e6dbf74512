#include <doctest/doctest.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

#include "relay/state/commands.hpp"
#include "relay/state/delimited.hpp"
#include "tests/unit/state/rig.hpp"

// What every past version has stored: tests/data/make-state.
namespace state {
namespace {

using std::filesystem::path;
using test::Content;
using test::content_of;

const path golden = path(SPANCAST_TEST_DATA) / "state";
constexpr const char* names[] = {"stream", "publisher", "viewer", "lease", "usage", "revocation"};

std::string read(const path& file) {
  std::ifstream in(file, std::ios::binary);
  REQUIRE_MESSAGE(in.good(), file.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<path> versions() {
  std::vector<path> found;
  for (const auto& entry : std::filesystem::directory_iterator(golden)) {
    found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::uint32_t number_of(const path& version) {
  return static_cast<std::uint32_t>(std::stoul(version.filename().string().substr(1)));
}

Kind kind_of(std::size_t index) { return static_cast<Kind>(index + 1); }

Content content_of_database(const path& version) {
  const ::test::TemporaryFolder folder;
  base::Log log(base::LogLevel::error, base::LogFormat::text);
  std::filesystem::copy_file(version / "state.sqlite", folder.path() / "state.sqlite");
  const Store store({folder.path(), {}}, log);
  CHECK(store.counters().damaged_records == 0);
  return content_of(store);
}

}  // namespace

TEST_CASE("there are golden files of every version up to the present one") {
  const auto found = versions();
  REQUIRE(found.size() == current_version);
  for (std::size_t index = 0; index < found.size(); ++index) {
    CHECK(number_of(found[index]) == index + 1);
    for (const char* name : names)
      CHECK(std::filesystem::exists(found[index] / (std::string(name) + ".bin")));
  }
}

TEST_CASE("the records of every version are read and migrated and written as they are") {
  for (const path& version : versions()) {
    for (std::size_t index = 0; index < std::size(names); ++index) {
      const std::string bytes = read(version / (std::string(names[index]) + ".bin"));
      const auto decoded = decode(kind_of(index), bytes);
      REQUIRE(decoded.has_value());
      CHECK_FALSE(decoded->has_unknown);
      CHECK(version_of(*decoded->record) == current_version);
      CHECK(decoded->was_migrated == (number_of(version) < current_version));
      if (!decoded->was_migrated) CHECK(encode(*decoded->record) == bytes);
    }
  }
}

TEST_CASE("a record of the present version means what its text says and has every field") {
  const path version = golden / ("v" + std::to_string(current_version));
  for (std::size_t index = 0; index < std::size(names); ++index) {
    const auto expected = make_record(kind_of(index));
    REQUIRE(google::protobuf::TextFormat::ParseFromString(
        read(version / (std::string(names[index]) + ".txtpb")), expected.get()));
    CHECK(encode(*expected) == read(version / (std::string(names[index]) + ".bin")));
    std::vector<const google::protobuf::FieldDescriptor*> fields;
    expected->GetReflection()->ListFields(*expected, &fields);
    CHECK(static_cast<int>(fields.size()) == expected->GetDescriptor()->field_count());
  }
}

TEST_CASE("the database of every version is loaded and is what was exported") {
  for (const path& version : versions()) {
    const Content content = content_of_database(version);
    CHECK(content.size() == std::size(names));
    std::istringstream in(read(version / "all.export"));
    DelimitedReader reader(in);
    for (auto row = reader.next(); row && *row; row = reader.next()) {
      const auto decoded = decode(**row);
      REQUIRE(decoded.has_value());
      REQUIRE(content.contains((*row)->key));
      CHECK(content.at((*row)->key) == encode(*decoded->record));
    }
    const ::test::TemporaryFolder folder;
    std::istringstream again(read(version / "all.export"));
    std::ostringstream notes;
    import_state(folder.path(), again, notes);
    CHECK(notes.str() == "6 records were imported\n");
  }
}

}  // namespace state

#include "relay/state/commands.hpp"

#include <doctest/doctest.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <sstream>

#include "relay/base/folder_lock.hpp"
#include "relay/sqlite/database.hpp"
#include "tests/unit/state/rig.hpp"

namespace state {
namespace {

using test::content_of;
using test::StoreRig;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

// What is in it is not looked at: ThreadSanitizer changes the layout of Protobuf's maps, and the
// library is compiled without it.
bool is_json(const std::string& text) {
  google::protobuf::Struct parsed;
  return google::protobuf::util::JsonStringToMessage(text, &parsed).ok();
}

std::string dump(const std::filesystem::path& folder, Secrets secrets = Secrets::hidden) {
  std::ostringstream out;
  dump_state(folder, secrets, out);
  return out.str();
}

std::string exported(const std::filesystem::path& folder) {
  std::ostringstream out;
  std::ostringstream notes;
  export_state(folder, out, notes);
  return out.str();
}

std::string import_into(const std::filesystem::path& folder, const std::string& bytes) {
  std::istringstream in(bytes);
  std::ostringstream notes;
  import_state(folder, in, notes);
  return notes.str();
}

std::unique_ptr<StoreRig> make_rig() {
  auto rig = std::make_unique<StoreRig>();
  rig->set_stream("live/a", 7);
  rig->set_viewer("very secret", 99);
  REQUIRE(rig->store->commit());
  return rig;
}

// A byte of a record flips, and a record of a kind to come is added.
void damage(StoreRig& rig) {
  rig.stop();
  auto database = sqlite::Database::open(rig.file(), sqlite::Database::Access::write);
  REQUIRE(database.has_value());
  REQUIRE(
      database->execute("UPDATE records SET record = x'0801' WHERE kind = 3;"
                        "INSERT INTO records VALUES (77, x'00', x'0102', 5);"));
}

}  // namespace

TEST_CASE("a dump is JSON with everything but tokens") {
  const auto rig = make_rig();
  const std::string text = dump(rig->folder.path());
  CHECK(is_json(text));
  CHECK(count(text, R"({"kind":)") == 2);
  CHECK(has(text, R"("kind":"stream","name":"live/a","record":{)"));
  CHECK(has(text, R"("next_sequence":"7")"));
  CHECK(has(text, R"("last_utc":"2026-03-27T12:00:00Z")"));
  CHECK(has(text, R"("kind":"viewer","id":")"));
  CHECK(has(text, R"("slow":"CATCH_UP")"));
  CHECK_FALSE(has(text, "token"));
  CHECK_FALSE(has(text, "secret"));
  CHECK(has(dump(rig->folder.path(), Secrets::shown), R"("token":"dmVyeSBzZWNyZXQ=")"));
}

TEST_CASE("a dump names usage and revoked tokens as they are") {
  StoreRig rig;
  test::session::UsageRecord usage;
  usage.mutable_day()->set_seconds(1'795'737'600);
  usage.set_stream("live/cam");
  usage.set_bytes_out(1ULL << 40U);
  CHECK(rig.store->set(Kind::usage, "2026-11-27 live/cam", usage) > 0);
  test::session::RevocationRecord revocation;
  revocation.set_id(std::string(16, '\x11'));
  revocation.mutable_expiry()->set_seconds(1'795'780'800);
  CHECK(rig.store->set(Kind::revocation, std::string(32, '1'), revocation) > 0);
  rig.stop();
  const std::string text = dump(rig.folder.path());
  CHECK(has(text, R"({"kind":"usage","name":"2026-11-27 live/cam","record":{)"));
  CHECK(has(text, R"("day":"2026-11-27T00:00:00Z","stream":"live/cam",)"));
  CHECK(has(text, R"("bytes_out":"1099511627776")"));
  CHECK(has(text, R"({"kind":"revocation","name":"11111111111111111111111111111111",)"));
  CHECK(has(text, R"("expiry":"2026-11-27T12:00:00Z")"));
}

TEST_CASE("a dump says what is damaged or of a newer version") {
  const auto rig = make_rig();
  damage(*rig);
  const std::string text = dump(rig->folder.path());
  CHECK(is_json(text));
  CHECK(has(text, R"("bytes":2,"damage":"the bytes are not those that were written)"));
  CHECK(has(text, R"("kind":"77",)"));
  CHECK(has(text, R"("detail":"of a newer version")"));
}

TEST_CASE("check tells sound state from damaged state") {
  const auto rig = make_rig();
  std::ostringstream sound;
  CHECK(check_state(rig->folder.path(), sound));
  CHECK(sound.str() == "stream: 1\nviewer: 1\nthe state is sound\n");
  damage(*rig);
  std::ostringstream damaged;
  CHECK_FALSE(check_state(rig->folder.path(), damaged));
  CHECK(has(damaged.str(), ": the bytes are not those that were written: another checksum\n"));
  CHECK(has(damaged.str(), "the state is damaged\n"));
  CHECK_FALSE(has(damaged.str(), "secret"));
}

TEST_CASE("an export into another folder loses nothing") {
  const auto rig = make_rig();
  damage(*rig);
  const std::string bytes = exported(rig->folder.path());
  const ::test::TemporaryFolder other;
  CHECK(import_into(other.path() / "new", bytes) == "3 records were imported\n");
  CHECK(exported(other.path() / "new") == bytes);
}

TEST_CASE("a store goes on with what was imported") {
  const auto rig = make_rig();
  const auto before = content_of(*rig->store);
  const std::string bytes = exported(rig->folder.path());
  StoreRig other;
  other.set_stream("live/a", 1);
  other.set_stream("live/b", 2);
  other.stop();
  import_into(other.folder.path(), bytes);
  other.start();
  auto expected = before;
  for (const auto& [key, record] : content_of(*other.store)) {
    if (key.name == "live/b") expected[key] = record;
  }
  CHECK(expected.size() == 3);
  CHECK(content_of(*other.store) == expected);
}

TEST_CASE("an import that is cut imports nothing") {
  const auto rig = make_rig();
  const std::string bytes = exported(rig->folder.path());
  const ::test::TemporaryFolder other;
  std::string message;
  try {
    import_into(other.path(), bytes.substr(0, bytes.size() - 1));
  } catch (const std::runtime_error& error) {
    message = error.what();
  }
  CHECK(message ==
        "record 2 of the import: this is no export of state, or it is cut; nothing was imported");
  CHECK(exported(other.path()).empty());
}

TEST_CASE("an import is refused while a relay runs and a folder without state is told") {
  const auto rig = make_rig();
  CHECK_THROWS_AS(import_into(rig->folder.path(), ""), base::FolderInUse);
  const ::test::TemporaryFolder empty;
  CHECK_THROWS_WITH_AS(dump(empty.path()),
                       ("there is no state in " + empty.path().string()).c_str(),
                       std::runtime_error);
}

}  // namespace state

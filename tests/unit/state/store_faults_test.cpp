#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "relay/sqlite/database.hpp"
#include "tests/unit/disk/size_limit.hpp"
#include "tests/unit/state/rig.hpp"

// What a disk and other processes can do to a store. Each case ends as it began: all is written.
namespace state {
namespace {

using test::content_of;
using test::StoreRig;

void check_recovered(StoreRig& rig) {
  CHECK(rig.store->commit());
  CHECK_FALSE(rig.store->counters().in_memory);
  CHECK(rig.store->counters().detail.empty());
  CHECK(rig.store->counters().waiting == 0);
  const auto expected = content_of(*rig.store);
  CHECK(rig.on_disk() == expected);
  rig.start();
  CHECK(content_of(*rig.store) == expected);
}

void check_in_memory(StoreRig& rig) {
  const auto before = rig.store->counters().failures;
  CHECK_FALSE(rig.store->commit());
  CHECK(rig.store->counters().in_memory);
  CHECK_FALSE(rig.store->counters().detail.empty());
  CHECK(rig.store->counters().failures == before + 1);
}

// Viewers that come, stay and go, so that every way of a change is gone.
void change(StoreRig& rig, const std::string& mark) {
  rig.set_stream("live/a", 1000 + mark.size());
  rig.set_viewer("stays " + mark);
  rig.store->erase(Kind::viewer, "first");
}

void overwrite(const std::filesystem::path& path, std::uint64_t offset, const std::string& bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(offset));
  file << bytes;
}

std::unique_ptr<StoreRig> make_rig() {
  auto rig = std::make_unique<StoreRig>();
  rig->set_stream("live/a", 1);
  rig->set_viewer("first");
  rig->set_viewer("second");
  REQUIRE(rig->store->commit());
  return rig;
}

// Root may write everywhere: then somebody else is asked to.
class Unprivileged {
 public:
  explicit Unprivileged(const std::filesystem::path& folder) : is_root_(geteuid() == 0) {
    if (!is_root_) return;
    REQUIRE(chown(folder.c_str(), 65534, 65534) == 0);
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      REQUIRE(chown(entry.path().c_str(), 65534, 65534) == 0);
    }
    REQUIRE(seteuid(65534) == 0);
  }
  ~Unprivileged() {
    if (is_root_) CHECK(seteuid(0) == 0);
  }

 private:
  bool is_root_;
};

void set_writable(const std::filesystem::path& folder, bool yes) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    REQUIRE(chmod(entry.path().c_str(), yes ? 0644 : 0444) == 0);
  }
  REQUIRE(chmod(folder.c_str(), yes ? 0755 : 0555) == 0);
}

}  // namespace

TEST_CASE("while the disk is full state is kept in memory and written when it is not") {
  const auto rig = make_rig();
  change(*rig, "before");
  {
    const disk::test::SizeLimit full(1);
    check_in_memory(*rig);
    change(*rig, "during");
    check_in_memory(*rig);
  }
  check_recovered(*rig);
}

TEST_CASE("what comes and goes while nothing can be written does not gather") {
  const auto rig = make_rig();
  const auto kept = rig->store->counters().kept;
  {
    const disk::test::SizeLimit full(1);
    for (int number = 0; number < 100; ++number) {
      rig->set_viewer("passing " + std::to_string(number));
      check_in_memory(*rig);
      rig->store->erase(Kind::viewer, "passing " + std::to_string(number));
      CHECK(rig->store->counters().kept <= kept + 1);
    }
  }
  check_recovered(*rig);
}

TEST_CASE("while another has the lock of the database state is kept in memory") {
  const auto rig = make_rig();
  {
    auto other = sqlite::Database::open(rig->file(), sqlite::Database::Access::write);
    REQUIRE(other.has_value());
    REQUIRE(other->execute("BEGIN IMMEDIATE"));
    change(*rig, "locked");
    check_in_memory(*rig);
    REQUIRE(other->execute("ROLLBACK"));
  }
  check_recovered(*rig);
}

TEST_CASE("a store that was locked at the start learns later what was there") {
  const auto rig = make_rig();
  rig->stop();
  {
    auto other = sqlite::Database::open(rig->file(), sqlite::Database::Access::write);
    REQUIRE(other.has_value());
    REQUIRE(other->execute("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE"));
    rig->start();
    CHECK(rig->store->counters().in_memory);
    rig->set_stream("live/a", 77);
    rig->set_viewer("third");
    check_in_memory(*rig);
  }
  CHECK(rig->store->commit());
  CHECK(content_of(*rig->store).size() == 4);
  check_recovered(*rig);
}

TEST_CASE("a database that was deleted while the relay runs is written anew") {
  for (const bool with_folder : {false, true}) {
    const auto rig = make_rig();
    if (with_folder) {
      std::filesystem::remove_all(rig->folder.path());
    } else {
      std::filesystem::remove(rig->file());
      std::filesystem::remove(rig->file("state.sqlite-wal"));
      std::filesystem::remove(rig->file("state.sqlite-shm"));
    }
    change(*rig, "after");
    CHECK(rig->store->commit());
    CHECK(rig->store->counters().rewrites == 1);
    CHECK(rig->on_disk().size() == 3);
    check_recovered(*rig);
  }
}

TEST_CASE("a WAL that was deleted while the relay runs is noticed without a change") {
  const auto rig = make_rig();
  std::filesystem::remove(rig->file("state.sqlite-wal"));
  CHECK(rig->store->commit());
  CHECK(rig->store->counters().rewrites == 1);
  check_recovered(*rig);
}

TEST_CASE("a folder that cannot be made again is waited for") {
  const auto rig = make_rig();
  const auto folder = rig->folder.path();
  std::filesystem::remove_all(folder);
  std::ofstream(folder) << "in the way";
  change(*rig, "away");
  check_in_memory(*rig);
  std::filesystem::remove(folder);
  check_recovered(*rig);
}

TEST_CASE("a folder that another relay has taken meanwhile is left alone") {
  const auto rig = make_rig();
  std::filesystem::remove_all(rig->folder.path());
  {
    Store other({rig->folder.path(), {}}, rig->log);
    check_in_memory(*rig);
    CHECK(content_of(other).empty());
  }
  check_recovered(*rig);
}

TEST_CASE("a lock that was deleted is taken again") {
  const auto rig = make_rig();
  std::filesystem::remove(rig->file("lock"));
  CHECK(rig->store->commit());
  CHECK_THROWS_AS(Store({rig->folder.path(), {}}, rig->log), base::FolderInUse);
  check_recovered(*rig);
}

TEST_CASE("while the file system is read-only what was there is known and changes are kept") {
  const auto rig = make_rig();
  const auto before = content_of(*rig->store);
  rig->stop();
  const Unprivileged somebody(rig->folder.path());
  set_writable(rig->folder.path(), false);
  rig->start();
  CHECK(rig->store->counters().in_memory);
  CHECK(content_of(*rig->store) == before);
  change(*rig, "read-only");
  check_in_memory(*rig);
  CHECK_THROWS_AS(Store({rig->folder.path(), {}}, rig->log), base::FolderInUse);
  set_writable(rig->folder.path(), true);
  check_recovered(*rig);
}

TEST_CASE("a database that is none is set aside under a dated name") {
  const auto rig = make_rig();
  rig->stop();
  overwrite(rig->file(), 0, std::string(200, 'x'));
  rig->start();
  CHECK(rig->store->counters().damaged_databases == 1);
  CHECK(rig->count_files("state.sqlite.damaged-2") == 1);
  change(*rig, "anew");
  check_recovered(*rig);
}

TEST_CASE("of a database that is damaged what can be read is saved") {
  const auto rig = make_rig();
  for (int number = 0; number < 2000; ++number) rig->set_viewer(std::to_string(number));
  rig->stop();
  const auto bytes = std::filesystem::file_size(rig->file());
  overwrite(rig->file(), bytes / 2 / 4096 * 4096, std::string(65536, '\xff'));
  rig->start();
  CHECK(rig->store->counters().damaged_databases == 1);
  CHECK(content_of(*rig->store).size() > 800);
  CHECK(content_of(*rig->store).size() < 2003);
  check_recovered(*rig);
}

TEST_CASE("a database that is found damaged while the relay runs is written anew") {
  const auto rig = make_rig();
  rig->start();
  std::filesystem::resize_file(rig->file("state.sqlite-wal"), 0);
  overwrite(rig->file(), 4096, std::string(8192, '\xff'));
  change(*rig, "damaged");
  if (!rig->store->commit()) CHECK(rig->store->counters().damaged_databases == 1);
  CHECK(rig->store->commit());
  CHECK(rig->count_files("state.sqlite.damaged-2") == 1);
  check_recovered(*rig);
}

TEST_CASE("a damaged record is set aside and everything else is there") {
  const auto rig = make_rig();
  rig->stop();
  {
    auto database = sqlite::Database::open(rig->file(), sqlite::Database::Access::write);
    REQUIRE(database.has_value());
    REQUIRE(database->execute("UPDATE records SET record = x'0801ff' WHERE name = x'6669727374'"));
  }
  rig->start();
  CHECK(content_of(*rig->store).size() == 2);
  CHECK(rig->store->counters().damaged_records == 1);
  CHECK(rig->store->counters().damaged_databases == 0);
  CHECK(rig->count_files("records.damaged-2") == 1);
  CHECK(rig->store->commit());
  rig->start();
  CHECK(rig->store->counters().damaged_records == 0);
  CHECK(content_of(*rig->store).size() == 2);
}

TEST_CASE("the database of a newer version is left alone") {
  const auto rig = make_rig();
  rig->stop();
  const auto set_version = [&](const char* pragma) {
    auto database = sqlite::Database::open(rig->file(), sqlite::Database::Access::write);
    REQUIRE(database.has_value());
    REQUIRE(database->execute(pragma));
  };
  set_version("PRAGMA user_version=2");
  rig->start();
  CHECK(rig->store->counters().in_memory);
  rig->set_stream("live/b");
  check_in_memory(*rig);
  rig->stop();
  set_version("PRAGMA user_version=1");
  rig->start();
  CHECK(content_of(*rig->store).size() == 3);
}

}  // namespace state

#include "relay/server/usage_book.hpp"

#include <doctest/doctest.h>

#include <memory>

#include "relay/base/logging.hpp"
#include "relay/sqlite/database.hpp"
#include "schemas/session.pb.h"
#include "tests/unit/temporary_folder.hpp"

using namespace std::chrono_literals;

namespace server {
namespace {

using spancast::session::UsageRecord;

const base::Utc noon = std::chrono::sys_days(std::chrono::year(2026) / 11 / 27) + 12h;

struct Rig {
  ::test::TemporaryFolder folder;
  base::Log log{base::LogLevel::error, base::LogFormat::text};
  std::unique_ptr<state::Store> store = open();
  std::unique_ptr<UsageBook> book = std::make_unique<UsageBook>(store.get(), log);

  std::unique_ptr<state::Store> open() {
    return std::make_unique<state::Store>(state::Store::Options{folder.path(), {}}, log);
  }
  void restart() {
    book.reset();
    store.reset();
    store = open();
    book = std::make_unique<UsageBook>(store.get(), log);
  }
  void add(const std::string& stream, std::uint64_t in, std::uint64_t out = 0) {
    const StreamUse use{stream, in, out, {}};
    book->add({&use, 1}, noon);
  }
  std::vector<usage::Entry> entries() const { return book->select({}, std::nullopt, 1000).entries; }
  std::size_t records() const {
    std::size_t count = 0;
    store->each(state::Kind::usage, [&](const auto&, auto&) { ++count; });
    return count;
  }
};

}  // namespace

TEST_CASE("without a store sums are there and nothing is saved") {
  base::Log log(base::LogLevel::error, base::LogFormat::text);
  UsageBook book(nullptr, log);
  const StreamUse use{"a", 1, 2, {{noon, noon + 1s, 3}}};
  book.add({&use, 1}, noon);
  CHECK_FALSE(book.save());
  const auto page = book.select({}, std::nullopt, 10);
  REQUIRE(page.entries.size() == 1);
  CHECK(page.entries[0].sums == usage::Sums{1, 2, 3000});
}

TEST_CASE("sums go on after a restart") {
  Rig rig;
  rig.add("live/cam", 10, 20);
  rig.restart();
  REQUIRE(rig.entries().size() == 1);
  CHECK(rig.entries()[0] == usage::Entry{std::chrono::floor<std::chrono::days>(noon), "live/cam",
                                         usage::Sums{10, 20, 0}});
  rig.add("live/cam", 1, 2);
  rig.restart();
  CHECK(rig.entries()[0].sums == usage::Sums{11, 22, 0});
  CHECK(rig.records() == 1);
}

TEST_CASE("a store that could not be read at the start is added to what came since") {
  Rig rig;
  rig.add("live/cam", 10, 20);
  rig.book.reset();
  rig.store.reset();
  {
    auto other =
        sqlite::Database::open(rig.folder.path() / "state.sqlite", sqlite::Database::Access::write);
    REQUIRE(other.has_value());
    REQUIRE(other->execute("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE"));
    rig.store = rig.open();
    CHECK_FALSE(rig.store->is_loaded());
    rig.book = std::make_unique<UsageBook>(rig.store.get(), rig.log);
    rig.add("live/cam", 1, 2);
    CHECK_FALSE(rig.book->save());
    CHECK(rig.records() == 0);
  }
  SUBCASE("while it runs") {
    REQUIRE(rig.store->commit());
    CHECK_FALSE(rig.book->save());
    CHECK(rig.entries()[0].sums == usage::Sums{11, 22, 0});
  }
  SUBCASE("at the end") {}
  rig.restart();
  CHECK(rig.entries()[0].sums == usage::Sums{11, 22, 0});
}

TEST_CASE("a row is saved once for each change") {
  Rig rig;
  rig.add("a", 1);
  CHECK_FALSE(rig.book->save());
  REQUIRE(rig.store->commit());
  const auto written = rig.store->counters().records;
  CHECK_FALSE(rig.book->save());
  REQUIRE(rig.store->commit());
  CHECK(rig.store->counters().records == written);
}

TEST_CASE("many rows are saved in several turns") {
  Rig rig;
  for (std::size_t index = 0; index < UsageBook::rows_per_save + 5; ++index) {
    rig.add("s" + std::to_string(index), 1);
  }
  CHECK(rig.book->save());
  CHECK(rig.records() == UsageBook::rows_per_save);
  CHECK_FALSE(rig.book->save());
  CHECK(rig.records() == UsageBook::rows_per_save + 5);
}

TEST_CASE("sums of streams without a row of their own are kept under the day") {
  Rig rig;
  rig.add("", 7);
  rig.restart();
  REQUIRE(rig.entries().size() == 1);
  CHECK(rig.entries()[0].stream.empty());
  bool is_there = false;
  rig.store->each(state::Kind::usage,
                  [&](const auto& key, auto&) { is_there = is_there || key == "2026-11-27"; });
  CHECK(is_there);
}

TEST_CASE("a record that contradicts its key counts for nothing") {
  Rig rig;
  const auto set = [&rig](const std::string& key, std::int64_t seconds, const char* stream) {
    UsageRecord record;
    record.mutable_day()->set_seconds(seconds);
    record.set_stream(stream);
    record.set_bytes_in(5);
    CHECK(rig.store->set(state::Kind::usage, key, record) > 0);
  };
  constexpr std::int64_t day = 1'795'737'600;
  set("2026-11-27 a", day, "b");
  set("2026-11-28 a", day, "a");
  set("2026-11-27 c", day + 1, "c");
  set("2026-11-27 d", INT64_MAX / 86'400 * 86'400, "d");
  set("2026-11-27 e", day, "e");
  UsageRecord without_day;
  without_day.set_stream("f");
  CHECK(rig.store->set(state::Kind::usage, "1970-01-01 f", without_day) > 0);
  rig.restart();
  REQUIRE(rig.entries().size() == 1);
  CHECK(rig.entries()[0].stream == "e");
}

}  // namespace server

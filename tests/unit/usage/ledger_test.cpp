#include "relay/usage/ledger.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <random>

namespace usage {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t all = 1'000'000;
const Day today = std::chrono::year(2026) / 11 / 23;
const base::Utc noon = today + 12h;

std::vector<Entry> rows(const Ledger& ledger) { return ledger.select({}, {}, all).entries; }

Sums sum_of(const Ledger& ledger) {
  Sums sums;
  for (const Entry& entry : rows(ledger)) sums += entry.sums;
  return sums;
}

// Does to a store what a ledger says.
void save(std::vector<Entry>& store, const std::vector<Change>& changes) {
  for (const Change& change : changes) {
    std::erase_if(store, [&](const Entry& entry) {
      return entry.day == change.day && entry.stream == change.stream;
    });
    if (change.sums) store.push_back({change.day, change.stream, *change.sums});
  }
  std::sort(store.begin(), store.end(), [](const Entry& one, const Entry& other) {
    return std::pair(one.day, one.stream) < std::pair(other.day, other.stream);
  });
}

}  // namespace

TEST_CASE("bytes and time add up by stream and day") {
  Ledger ledger;
  ledger.add_bytes_in("a", noon, 5);
  ledger.add_bytes_in("a", noon + 1h, 7);
  ledger.add_bytes_out("a", noon + 2h, 100);
  ledger.add_viewing("a", noon, noon + 1500ms);
  ledger.add_viewing("a", noon, noon + 1s);
  ledger.add_bytes_out("b", noon, 1);
  ledger.add_bytes_in("a", noon + 12h, 9);
  ledger.add_bytes_in("a", noon + 12h - 1us, 1);
  ledger.add_bytes_in("a", noon, 0);
  ledger.add_bytes_in("c", noon, 0);
  CHECK(rows(ledger) == std::vector<Entry>{{today, "a", {13, 100, 2500}},
                                           {today, "b", {0, 1, 0}},
                                           {today + days(1), "a", {9, 0, 0}}});
}

TEST_CASE("time of watching is split at midnight of UTC") {
  Ledger ledger;
  const base::Utc midnight = today + days(1);
  ledger.add_viewing("a", midnight - 2s, midnight + 3s);
  ledger.add_viewing("b", midnight - 1s, midnight);
  ledger.add_viewing("c", midnight, midnight + 1s);
  ledger.add_viewing("d", noon, noon + days(2));
  const std::uint64_t day_ms = 86'400'000;
  CHECK(rows(ledger) == std::vector<Entry>{{today, "a", {0, 0, 2000}},
                                           {today, "b", {0, 0, 1000}},
                                           {today, "d", {0, 0, day_ms / 2}},
                                           {today + days(1), "a", {0, 0, 3000}},
                                           {today + days(1), "c", {0, 0, 1000}},
                                           {today + days(1), "d", {0, 0, day_ms}},
                                           {today + days(2), "d", {0, 0, day_ms / 2}}});
}

TEST_CASE("viewers with the same times count together") {
  Ledger ledger;
  ledger.add_viewing("a", today - 2s, today + 3s, 1000);
  ledger.add_viewing("b", noon, noon + 1s, std::numeric_limits<std::uint64_t>::max() / 2);
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  for (const Entry& entry : ledger.select({}, std::nullopt, 10).entries) {
    (entry.stream == "a" ? a : b) += entry.sums.viewer_ms;
  }
  CHECK(a == 5'000'000);
  CHECK(b == std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("time of watching sums up exactly however it is cut") {
  std::mt19937 random(3);
  for (int round = 0; round < 50; ++round) {
    Ledger ledger;
    base::Utc at = noon + 1us * (random() % 1'000'000);
    const base::Utc from = at;
    for (int step = 0; step < 200; ++step) {
      const base::Utc next = at + 1us * (random() % 900'000'001);
      ledger.add_viewing("a", at, next);
      at = next;
    }
    const auto exact = std::chrono::floor<std::chrono::milliseconds>(at) -
                       std::chrono::floor<std::chrono::milliseconds>(from);
    CHECK(sum_of(ledger).viewer_ms == static_cast<std::uint64_t>(exact.count()));
  }
}

TEST_CASE("time that nobody can have watched is not counted") {
  Ledger ledger;
  ledger.add_viewing("a", noon, noon + 1s, 0);
  ledger.add_viewing("a", noon, noon);
  ledger.add_viewing("a", noon, noon - 1s);
  ledger.add_viewing("a", noon, noon + Ledger::viewing_max + 1us);
  ledger.add_viewing("a", base::Utc(), noon);
  ledger.add_viewing("a", base::Utc::min(), base::Utc::max());
  ledger.add_viewing("a", base::Utc::max() - 1s, base::Utc::max());
  ledger.add_viewing("a", base::Utc::min(), base::Utc::min() + 1s);
  ledger.add_bytes_in("a", base::Utc::max(), 1);
  ledger.add_bytes_in("a", base::Utc::min(), 1);
  CHECK(ledger.size() == 0);
  ledger.add_viewing("a", noon, noon + Ledger::viewing_max);
  CHECK(ledger.size() == 32);
  CHECK(sum_of(ledger).viewer_ms == 31u * 86'400'000);
}

TEST_CASE("sums stop at the largest number") {
  Ledger ledger;
  ledger.add_bytes_out("a", noon, most - 1);
  ledger.add_bytes_out("a", noon, 1);
  CHECK(rows(ledger)[0].sums.bytes_out == most);
  ledger.add_bytes_out("a", noon, 1);
  ledger.add_bytes_out("a", noon, most);
  CHECK(rows(ledger)[0].sums == Sums{0, most, 0});
}

TEST_CASE("what is saved and restored is the same and goes on") {
  Ledger before;
  for (int number = 0; number < 300; ++number) {
    const std::string stream = "s" + std::to_string(number % 7);
    const base::Utc at = noon + 1h * number;
    before.add_bytes_in(stream, at, 1);
    before.add_bytes_out(stream, at, most / 2);
    before.add_viewing(stream, at, at + 123ms);
  }
  Ledger after;
  for (const Entry& entry : rows(before)) after.restore(entry);
  CHECK(rows(after) == rows(before));
  CHECK(after.take_changes(all).empty());
  before.add_bytes_in("s1", noon, 10);
  after.add_bytes_in("s1", noon, 10);
  CHECK(rows(after) == rows(before));
}

TEST_CASE("what is restored late is added to what is there and is a change") {
  Ledger ledger;
  for (const std::string name : {"", "a"}) ledger.add_bytes_in(name, noon, 1);
  static_cast<void>(ledger.take_changes(all));
  for (const std::string name : {"", "a", "b"}) ledger.restore({today, name, {10, 20, 30}});
  CHECK(rows(ledger) == std::vector<Entry>{{today, "", {11, 20, 30}},
                                           {today, "a", {11, 20, 30}},
                                           {today, "b", {10, 20, 30}}});
  CHECK(ledger.take_changes(all) ==
        std::vector<Change>{{today, "", Sums{11, 20, 30}}, {today, "a", Sums{11, 20, 30}}});
}

TEST_CASE("only what changed is saved") {
  Ledger ledger;
  ledger.add_bytes_in("a", noon, 1);
  ledger.add_bytes_in("b", noon, 2);
  ledger.add_bytes_in("a", noon, 1);
  const auto first = ledger.take_changes(1);
  CHECK(first == std::vector<Change>{{today, "a", Sums{2, 0, 0}}});
  CHECK(ledger.take_changes(9) == std::vector<Change>{{today, "b", Sums{2, 0, 0}}});
  CHECK(ledger.take_changes(9).empty());
  // What could not be saved is told again, as it is then.
  ledger.add_bytes_in("a", noon, 1);
  ledger.return_changes(first);
  CHECK(ledger.take_changes(9) == std::vector<Change>{{today, "a", Sums{3, 0, 0}}});
}

TEST_CASE("a full ledger sums up the oldest day first") {
  Ledger ledger(3);
  ledger.add_bytes_in("a", noon, 1);
  ledger.add_bytes_in("b", noon, 2);
  ledger.add_bytes_in("c", noon + days(1), 4);
  ledger.take_changes(all);
  ledger.add_bytes_in("d", noon + days(1), 8);
  CHECK(rows(ledger) == std::vector<Entry>{{today, "", {1, 0, 0}},
                                           {today, "b", {2, 0, 0}},
                                           {today + days(1), "c", {4, 0, 0}},
                                           {today + days(1), "d", {8, 0, 0}}});
  CHECK(ledger.take_changes(all) == std::vector<Change>{{today, "", Sums{1, 0, 0}},
                                                        {today, "a", std::nullopt},
                                                        {today + days(1), "d", Sums{8, 0, 0}}});
  ledger.add_bytes_in("e", noon + days(1), 16);
  // Now there is no older day: who is new has no row. Those that have one go on in theirs.
  ledger.add_bytes_in("f", noon + days(1), 32);
  ledger.add_bytes_in("a", noon, 64);
  ledger.add_bytes_in("c", noon + days(1), 100);
  CHECK(rows(ledger) == std::vector<Entry>{{today, "", {67, 0, 0}},
                                           {today + days(1), "", {32, 0, 0}},
                                           {today + days(1), "c", {104, 0, 0}},
                                           {today + days(1), "d", {8, 0, 0}},
                                           {today + days(1), "e", {16, 0, 0}}});
}

TEST_CASE("of rows without a name the oldest are forgotten") {
  Ledger ledger(0, 2);
  for (int day = 0; day < 3; ++day) ledger.add_bytes_in("a", noon + days(day), 1);
  CHECK(rows(ledger) ==
        std::vector<Entry>{{today + days(1), "", {1, 0, 0}}, {today + days(2), "", {1, 0, 0}}});
  CHECK(ledger.take_changes(all) == std::vector<Change>{{today, "", std::nullopt},
                                                        {today + days(1), "", Sums{1, 0, 0}},
                                                        {today + days(2), "", Sums{1, 0, 0}}});
}

TEST_CASE("a ledger that restores more than it has room for loses no sum") {
  Ledger large;
  for (int number = 0; number < 20; ++number) {
    large.add_bytes_in("s" + std::to_string(number), noon + days(number / 5), 1);
  }
  Ledger small(7);
  std::vector<Entry> store = rows(large);
  for (const Entry& entry : store) small.restore(entry);
  CHECK(small.size() == 7 + 3);
  CHECK(sum_of(small) == sum_of(large));
  save(store, small.take_changes(all));
  CHECK(store == rows(small));
}

TEST_CASE("a store that follows the changes is equal to the ledger whatever comes") {
  std::mt19937 random(11);
  Ledger ledger(20, 50);
  std::vector<Entry> store;
  std::uint64_t bytes = 0;
  for (int step = 0; step < 20'000; ++step) {
    const base::Utc at = noon + days(step / 1'000) - days(random() % 3);
    ledger.add_bytes_in(std::to_string(random() % 15), at, 1);
    ++bytes;
    REQUIRE(ledger.size() <= 20 + 50);
    if (random() % 50 != 0) continue;
    const auto changes = ledger.take_changes(random() % 10);
    if (random() % 4 == 0) {
      ledger.return_changes(changes);
    } else {
      save(store, changes);
    }
  }
  save(store, ledger.take_changes(all));
  CHECK(store == rows(ledger));
  CHECK(sum_of(ledger).bytes_in == bytes);
}

TEST_CASE("changes that nobody takes are bounded") {
  Ledger ledger(10, 10);
  for (int number = 0; number < 10'000; ++number) {
    ledger.add_bytes_in(std::to_string(number), noon + days(number / 1'250), 1);
  }
  CHECK(ledger.take_changes(all).size() <= 10 + 10 + 20 + 1);
  CHECK(sum_of(ledger).bytes_in == 10'000);
}

TEST_CASE("rows are selected by days and stream and in pages of whole days") {
  Ledger ledger;
  for (int day = 0; day < 4; ++day) {
    for (const char* stream : {"a", "b", "c"}) ledger.add_bytes_in(stream, noon + days(day), 1);
  }
  const auto count = [&](const Days& days, std::optional<std::string_view> stream) {
    return ledger.select(days, stream, all).entries.size();
  };
  CHECK(count({today, today}, {}) == 0);
  CHECK(count({today + days(1), today + days(3)}, {}) == 6);
  CHECK(count({today + days(1), today + days(3)}, "b") == 2);
  CHECK(count({}, "b") == 4);
  CHECK(count({}, "d") == 0);
  CHECK(count({}, "") == 0);
  CHECK(count({today + days(4), Day::max()}, {}) == 0);
  const Page page = ledger.select({}, {}, 4);
  CHECK(page.entries.size() == 6);
  CHECK(page.next == today + days(2));
  const Page rest = ledger.select({*page.next, Day::max()}, {}, 4);
  CHECK(rest.entries.size() == 6);
  CHECK(!rest.next);
}

TEST_CASE("a time touches the days that have a part of it") {
  const auto is = [](const Days& touched, Day from, Day to) {
    return touched.from == from && touched.to == to;
  };
  CHECK(is(days_of(noon, noon + 1us), today, today + days(1)));
  CHECK(is(days_of(today, today + days(1)), today, today + days(1)));
  CHECK(is(days_of(today, today + days(1) + 1us), today, today + days(2)));
  CHECK(is(days_of(base::Utc(-1us), base::Utc(1us)), Day() - days(1), Day() + days(1)));
  CHECK(to_text(today) == "2026-11-23");
  CHECK(to_text(Day() - days(1)) == "1969-12-31");
}

}  // namespace usage

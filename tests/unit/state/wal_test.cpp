#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "tests/unit/state/rig.hpp"

namespace state {
namespace {

using test::Content;
using test::content_of;
using test::StoreRig;

// A relay at work: some of everything changes from commit to commit.
void change(StoreRig& rig, std::uint64_t number, std::mt19937& random) {
  rig.set_stream("live/" + std::to_string(random() % 5), number);
  for (int count = 0; count < 20; ++count) rig.set_viewer(std::to_string(random() % 300), number);
  rig.store->erase(Kind::viewer, std::to_string(random() % 300));
}

}  // namespace

TEST_CASE("a WAL that is cut anywhere costs the last commits and nothing else") {
  std::mt19937 random(8);
  StoreRig rig;
  std::vector<Content> committed{{}};
  for (std::uint64_t number = 1; number <= 120; ++number) {
    change(rig, number, random);
    REQUIRE(rig.store->commit());
    committed.push_back(content_of(*rig.store));
  }
  change(rig, 1000, random);  // and was killed
  const ::test::TemporaryFolder copy;
  rig.copy_to(copy.path());
  const auto wal = copy.path() / "state.sqlite-wal";
  const auto bytes = std::filesystem::file_size(wal);
  REQUIRE(bytes > 100'000);
  std::size_t most_missing = 0;
  for (int place = 0; place < 200; ++place) {
    const ::test::TemporaryFolder cut;
    for (const char* name : {"state.sqlite", "state.sqlite-wal"}) {
      std::filesystem::copy_file(copy.path() / name, cut.path() / name);
    }
    const auto length = place == 0 ? bytes : random() % bytes;
    std::filesystem::resize_file(cut.path() / "state.sqlite-wal", length);
    const Store store({cut.path(), {}}, rig.log);
    const auto found = std::find(committed.rbegin(), committed.rend(), content_of(store));
    REQUIRE(found != committed.rend());
    const auto missing = static_cast<std::size_t>(found - committed.rbegin());
    if (place == 0) CHECK(missing == 0);
    most_missing = std::max(most_missing, missing);
    CHECK(store.counters().damaged_records == 0);
    CHECK(store.counters().damaged_databases == 0);
  }
  CHECK(most_missing > 0);
}

}  // namespace state

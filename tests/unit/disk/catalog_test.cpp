#include "relay/disk/catalog.hpp"

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "relay/disk/errc.hpp"
#include "tests/unit/temporary_folder.hpp"

namespace disk {
namespace {

using namespace std::chrono_literals;

const std::string stream = "live/cam";
constexpr base::Utc noon{std::chrono::microseconds(1'774'612'800'000'000)};
constexpr std::uint64_t epoch = 0xf00d'0000'0000'0001;  // does not fit a number with a sign

// Four seconds of a hundred chunks, the n-th of its stream.
Segment make_segment(std::uint64_t n, const std::string& name = stream) {
  Segment segment;
  segment.stream = name;
  segment.first = {epoch, n * 100};
  segment.chunks = 100;
  segment.start = noon + n * 4s;
  segment.end = segment.start + 4s;
  segment.start_time = 900'000 + static_cast<stream::MediaTime>(n) * 360'000;
  segment.end_time = segment.start_time + 360'000;
  segment.bytes = 2'000'000 + n;
  segment.last_sync = n * 100 + 50;
  segment.last_sync_time = segment.start_time + 180'000;
  segment.number = static_cast<std::uint32_t>(n);
  segment.discontinuity = 3;
  segment.gap = n == 0 ? GapReason::restart : GapReason::none;
  segment.is_open = false;
  return segment;
}

std::unique_ptr<Catalog> open(const std::filesystem::path& root) {
  auto catalog = Catalog::open(root);
  REQUIRE_MESSAGE(catalog.has_value(), (catalog ? "" : catalog.error().message()));
  return std::move(*catalog);
}

template <class T>
T value(base::Result<T> result) {
  REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().message()));
  return std::move(*result);
}

std::vector<std::int64_t> ids(const base::Result<std::vector<Segment>>& segments) {
  std::vector<std::int64_t> found;
  for (const Segment& segment : value(segments)) found.push_back(segment.id);
  return found;
}

void write_file(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

}  // namespace

TEST_CASE("a segment comes back from the catalog as it was added") {
  const ::test::TemporaryFolder folder;
  Segment segment = make_segment(7);
  {
    const auto catalog = open(folder.path());
    CHECK(catalog->is_new());
    segment.id = catalog->add(segment);
    CHECK(value(catalog->get(segment.id)) == segment);
  }
  const auto catalog = open(folder.path());
  CHECK(!catalog->is_new());
  CHECK(value(catalog->newest(stream)) == segment);
  segment.is_open = true;
  segment.chunks = 12;
  segment.bytes = 5;
  catalog->update(segment);
  CHECK(value(catalog->get(segment.id)) == segment);
  CHECK(value(catalog->open_ones()) == std::vector<Segment>{segment});
  catalog->remove(segment.id);
  CHECK(!value(catalog->get(segment.id)));
  CHECK(value(catalog->sums()).empty());
}

TEST_CASE("ids grow also when the newest segment was removed and the relay began again") {
  const ::test::TemporaryFolder folder;
  std::int64_t last = 0;
  {
    const auto catalog = open(folder.path());
    for (std::uint64_t n = 0; n < 3; ++n) last = catalog->add(make_segment(n));
    REQUIRE(catalog->commit());
    catalog->remove(last);
    REQUIRE(catalog->commit());
  }
  CHECK(open(folder.path())->add(make_segment(3)) > last);
}

TEST_CASE("what was added and removed before a commit leaves nothing behind") {
  const ::test::TemporaryFolder folder;
  const auto catalog = open(folder.path());
  const std::int64_t id = catalog->add(make_segment(0));
  CHECK(value(catalog->get(id)));
  catalog->remove(id);
  CHECK(!value(catalog->get(id)));
  REQUIRE(catalog->commit());
  CHECK(!value(catalog->first(stream)));
}

TEST_CASE("a time is found in the segment that begins before it") {
  const ::test::TemporaryFolder folder;
  const auto catalog = open(folder.path());
  std::vector<std::int64_t> added;
  for (std::uint64_t n = 0; n < 10; ++n) added.push_back(catalog->add(make_segment(n)));
  catalog->add(make_segment(2, "live/cam2"));
  CHECK(!value(catalog->at(stream, noon - 1us)));
  CHECK(value(catalog->at(stream, noon))->id == added[0]);
  CHECK(value(catalog->at(stream, noon + 8s - 1us))->id == added[1]);
  CHECK(value(catalog->at(stream, noon + 8s))->id == added[2]);
  CHECK(value(catalog->at(stream, noon + 24h))->id == added[9]);
  CHECK(!value(catalog->at("live", noon + 24h)));

  CHECK(value(catalog->first(stream))->id == added[0]);
  CHECK(value(catalog->newest(stream))->id == added[9]);
  const Segment middle = *value(catalog->get(added[5]));
  CHECK(value(catalog->before(middle))->id == added[4]);
  CHECK(value(catalog->after(middle))->id == added[6]);
  CHECK(!value(catalog->before(*value(catalog->first(stream)))));
  CHECK(!value(catalog->after(*value(catalog->newest(stream)))));
}

TEST_CASE("a position is found in the last segment that holds it or the first one behind it") {
  const ::test::TemporaryFolder folder;
  const auto catalog = open(folder.path());
  std::vector<std::int64_t> added;
  for (const std::uint64_t n : {0U, 1U, 3U}) added.push_back(catalog->add(make_segment(n)));
  Segment refill = make_segment(3);  // begins anew at the last sync chunk of the one before
  refill.first.sequence = 350;
  refill.start += 2s;
  const std::int64_t refilled = catalog->add(refill);

  CHECK(value(catalog->at(stream, wire::Position{epoch, 0}))->id == added[0]);
  CHECK(value(catalog->at(stream, wire::Position{epoch, 199}))->id == added[1]);
  CHECK(value(catalog->at(stream, wire::Position{epoch, 200}))->id == added[2]);  // it is missing
  CHECK(value(catalog->at(stream, wire::Position{epoch, 349}))->id == added[2]);
  CHECK(value(catalog->at(stream, wire::Position{epoch, 350}))->id == refilled);
  CHECK(!value(catalog->at(stream, wire::Position{epoch, 450})));
  CHECK(!value(catalog->at(stream, wire::Position{epoch + 1, 0})));

  CHECK(ids(catalog->beginning_before(stream, {epoch, 360}, 2)) ==
        std::vector<std::int64_t>{refilled, added[2]});
  CHECK(value(catalog->beginning_after(stream, {epoch, 100}))->id == added[2]);

  Segment open_one = make_segment(9);
  open_one.is_open = true;
  open_one.chunks = 0;
  const std::int64_t id = catalog->add(open_one);
  CHECK(value(catalog->at(stream, wire::Position{epoch, 5'000}))->id == id);
}

TEST_CASE("a range of time has every segment that reaches into it") {
  const ::test::TemporaryFolder folder;
  const auto catalog = open(folder.path());
  std::vector<std::int64_t> added;
  for (std::uint64_t n = 0; n < 5; ++n) added.push_back(catalog->add(make_segment(n)));
  Segment short_one = make_segment(1);
  short_one.start += 1s;
  short_one.end = short_one.start + 1s;
  const std::int64_t overlapping = catalog->add(short_one);

  using Ids = std::vector<std::int64_t>;
  CHECK(ids(catalog->range(stream, noon - 9s, noon, 9)) == Ids{});
  CHECK(ids(catalog->range(stream, noon - 9s, noon + 1s, 9)) == Ids{added[0]});
  CHECK(ids(catalog->range(stream, noon + 7s, noon + 9s, 9)) == Ids{added[1], added[2]});
  CHECK(ids(catalog->range(stream, noon + 4s, noon + 12s, 9)) ==
        Ids{added[1], overlapping, added[2]});
  CHECK(ids(catalog->range(stream, noon + 8s, noon + 24h, 2)) == Ids{added[2], added[3]});
  CHECK(ids(catalog->range(stream, noon + 20s, noon + 24h, 9)) == Ids{});
  Segment open_one = make_segment(4);
  open_one.id = added[4];
  open_one.end = open_one.start;
  open_one.is_open = true;
  catalog->update(open_one);
  CHECK(ids(catalog->range(stream, noon + 20s, noon + 24h, 9)) == Ids{added[4]});
}

TEST_CASE("segments with a gap before them are found without the others") {
  const ::test::TemporaryFolder folder;
  const auto catalog = open(folder.path());
  std::vector<std::int64_t> behind;
  for (std::uint64_t n = 1; n <= 30; ++n) {
    Segment segment = make_segment(n);
    if (n % 10 == 0) segment.gap = GapReason::failed;
    const std::int64_t id = catalog->add(segment);
    if (n % 10 == 0) behind.push_back(id);
  }
  Segment other = make_segment(10, "live/other");
  other.gap = GapReason::lost;
  catalog->add(other);
  CHECK(ids(catalog->behind_gaps(stream, noon, noon + 1h, 100)) == behind);
  CHECK(ids(catalog->behind_gaps(stream, noon, noon + 1h, 1)) == std::vector{behind[0]});
  CHECK(ids(catalog->behind_gaps(stream, noon + 40s, noon + 80s, 100)) == std::vector{behind[0]});
  CHECK(ids(catalog->behind_gaps(stream, noon + 41s, noon + 81s, 100)) == std::vector{behind[1]});
}

TEST_CASE("the catalog knows what each stream has and what is oldest") {
  const ::test::TemporaryFolder folder;
  const auto catalog = open(folder.path());
  std::vector<std::int64_t> added;
  for (std::uint64_t n = 0; n < 3; ++n) added.push_back(catalog->add(make_segment(n)));
  const std::int64_t other = catalog->add(make_segment(1, "b"));
  Segment grown = make_segment(2);
  grown.id = added[2];
  grown.bytes += 1'000;
  grown.is_open = true;
  catalog->update(grown);

  const auto sums = value(catalog->sums());
  REQUIRE(sums.size() == 2);
  CHECK(sums[0].stream == "b");
  CHECK(sums[0].bytes == 2'000'001);
  CHECK(sums[1].stream == stream);
  CHECK(sums[1].segments == 3);
  CHECK(sums[1].bytes == 6'001'003);
  CHECK(sums[1].start == noon);
  CHECK(sums[1].end == noon + 12s);

  CHECK(ids(catalog->newest_ones()) == std::vector<std::int64_t>{other, added[2]});
  CHECK(ids(catalog->oldest(9)) == std::vector<std::int64_t>{added[0], added[1], other});
  CHECK(ids(catalog->oldest(1, stream)) == std::vector<std::int64_t>{added[0]});
  catalog->remove(added[0]);
  CHECK(value(catalog->sums())[1].bytes == 4'001'003);
}

TEST_CASE("two segments of the same file are one and the later one holds") {
  const ::test::TemporaryFolder folder;
  const auto catalog = open(folder.path());
  const std::int64_t earlier = catalog->add(make_segment(1));
  REQUIRE(catalog->commit());
  const std::int64_t later = catalog->add(make_segment(1));
  CHECK(!value(catalog->get(earlier)));
  CHECK(value(catalog->newest(stream))->id == later);
  CHECK(value(catalog->sums()).front().segments == 1);
}

TEST_CASE("a reader sees what was committed while a relay goes on") {
  const ::test::TemporaryFolder folder;
  const auto catalog = open(folder.path());
  catalog->add(make_segment(0));
  REQUIRE(catalog->commit());
  catalog->add(make_segment(1));
  CHECK(value(catalog->newest(stream))->number == 1);
  const auto reader = value(Catalog::read(folder.path()));
  CHECK(value(reader->newest(stream))->number == 0);
  REQUIRE(catalog->commit());
  CHECK(value(reader->newest(stream))->number == 1);
}

TEST_CASE("a damaged catalog is set aside and begun anew") {
  const ::test::TemporaryFolder folder;
  write_file(folder.path() / "catalog.sqlite", std::string(8'192, 'x'));
  {
    const auto catalog = open(folder.path());
    CHECK(catalog->is_new());
    CHECK(std::filesystem::file_size(catalog->set_aside_as()) == 8'192);
    catalog->add(make_segment(0));
  }
  CHECK(!open(folder.path())->is_new());
  CHECK(open(folder.path())->set_aside_as().empty());
  std::size_t damaged = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    damaged += entry.path().filename().string().starts_with("catalog.sqlite.damaged-");
  }
  CHECK(damaged == 1);
}

TEST_CASE("a catalog that is found damaged later is set aside for the next start") {
  const ::test::TemporaryFolder folder;
  const auto file = folder.path() / "catalog.sqlite";
  {
    const auto catalog = open(folder.path());
    for (std::uint64_t n = 0; n < 10'000; ++n) catalog->add(make_segment(n));
  }
  const auto size = std::filesystem::file_size(file);
  {
    std::fstream pages(file, std::ios::binary | std::ios::in | std::ios::out);
    // Not the edges, which are looked at in the beginning.
    pages.seekp(static_cast<std::streamoff>(size / 10));
    pages << std::string(size / 10 * 7, '\xaa');
  }
  {
    auto catalog = Catalog::open(folder.path());
    REQUIRE(catalog);
    bool is_damaged = (*catalog)->is_new();
    for (std::uint64_t n = 0; n < 10'000 && !is_damaged; ++n) {
      is_damaged = !(*catalog)->at(stream, noon + n * 4s);
    }
    CHECK(is_damaged);
  }
  CHECK(open(folder.path())->add(make_segment(0)) > 0);
}

TEST_CASE("a catalog of a newer version is left alone") {
  const ::test::TemporaryFolder folder;
  const auto file = folder.path() / "catalog.sqlite";
  open(folder.path()).reset();
  {
    auto database = value(sqlite::Database::open(file, sqlite::Database::Access::write));
    REQUIRE(database.execute("PRAGMA user_version = 2"));
  }
  const auto refused = Catalog::open(folder.path());
  REQUIRE(!refused);
  CHECK(refused.error() == make_error_code(Errc::newer_catalog));
  CHECK(std::filesystem::exists(file));
}

namespace {

/// Counts the steps of SQLite's machine, of all statements of connections that are opened
/// meanwhile.
class StepCounter {
 public:
  StepCounter() { sqlite3_auto_extension(reinterpret_cast<void (*)()>(&watch)); }
  ~StepCounter() { sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(&watch)); }

  static inline std::uint64_t steps = 0;

 private:
  static int watch(sqlite3* base, char**, const void*) {
    return sqlite3_trace_v2(base, SQLITE_TRACE_PROFILE, &on_end, nullptr);
  }
  static int on_end(unsigned, void*, void* statement, void*) {
    steps += static_cast<std::uint64_t>(
        sqlite3_stmt_status(static_cast<sqlite3_stmt*>(statement), SQLITE_STMTSTATUS_VM_STEP, 1));
    return 0;
  }
};

}  // namespace

TEST_CASE("several threads use a catalog at once") {
  const ::test::TemporaryFolder folder;
  const auto catalog = open(folder.path());
  constexpr std::uint64_t count = 200;
  const auto record = [&](const std::string& name) {
    for (std::uint64_t n = 0; n < count; ++n) {
      Segment segment = make_segment(n, name);
      segment.is_open = true;
      segment.id = catalog->add(segment);
      segment.is_open = false;
      catalog->update(segment);
      if (n % 4 == 3) catalog->remove(segment.id);
    }
  };
  std::atomic<bool> is_over{false};
  std::atomic<int> failures{0};
  const auto look = [&] {
    while (!is_over) {
      failures += !catalog->newest("a") || !catalog->sums() || !catalog->open_ones();
    }
  };
  const auto commit = [&] {
    while (!is_over) failures += !catalog->commit();
  };
  std::thread recorders[] = {std::thread(record, "a"), std::thread(record, "b")};
  std::thread others[] = {std::thread(look), std::thread(commit)};
  for (std::thread& one : recorders) one.join();
  is_over = true;
  for (std::thread& one : others) one.join();
  CHECK(failures == 0);
  REQUIRE(catalog->commit());
  for (const Catalog::Sum& sum : value(catalog->sums())) CHECK(sum.segments == count / 4 * 3);
  CHECK(value(catalog->open_ones()).empty());
}

TEST_CASE("a time is found among many segments without reading them") {
  const StepCounter counter;
  const ::test::TemporaryFolder folder;
  const auto catalog = open(folder.path());
  constexpr std::uint64_t count = 20'000;
  for (std::uint64_t n = 0; n < count; ++n) catalog->add(make_segment(n));
  REQUIRE(catalog->commit());
  StepCounter::steps = 0;
  constexpr std::uint64_t look_ups = 1'000;
  for (std::uint64_t n = 0; n < look_ups; ++n) {
    const std::uint64_t wanted = n * 7'919 % count;
    CHECK(value(catalog->at(stream, noon + wanted * 4s + 1s))->number == wanted);
    CHECK(value(catalog->at(stream, {epoch, wanted * 100 + 3}))->number == wanted);
  }
  CHECK(StepCounter::steps > 0);
  CHECK(StepCounter::steps < 2 * look_ups * 200);  // a scan takes hundreds of thousands
}

}  // namespace disk

#include "relay/disk/recovery.hpp"

#include <doctest/doctest.h>

#include <string>

#include "relay/disk/segment_scan.hpp"
#include "tests/unit/disk/store_rig.hpp"

namespace disk {
namespace {

using namespace std::chrono_literals;
using test::noon;
using test::StoreRig;
using test::value;

Recovery::Counts recover(StoreRig& rig) {
  Recovery recovery(*rig.store);
  recovery.begin();
  while (recovery.run_next()) {
  }
  return recovery.counts();
}

void cut(const StoreRig& rig, const Segment& segment, std::uint64_t bytes) {
  std::filesystem::resize_file(rig.file_of(segment), bytes);
}

}  // namespace

TEST_CASE("a segment that a crash left open is cut and closed") {
  StoreRig rig;
  rig.record({.first = 0});
  SegmentTable table = rig.write({.first = 40, .start = noon + 4s, .closed = false});
  // The catalog knows as much as when it was opened.
  Segment opened = table.segment;
  opened.chunks = 1;
  opened.bytes = 0;
  opened.last_sync = 40;
  opened.end = opened.start;
  opened.id = rig.store->catalog().add(opened);
  cut(rig, opened, table.chunks[33].offset + 50);
  rig.restart();

  const auto counts = recover(rig);
  CHECK(counts.segments == 1);
  CHECK(counts.bytes_cut == 50);
  const auto recovered = value(rig.store->catalog().get(opened.id));
  REQUIRE(recovered);
  CHECK(!recovered->is_open);
  CHECK(recovered->chunks == 33);
  CHECK(recovered->last_sync == 70);
  CHECK(recovered->end == noon + 7300ms);
  CHECK(recovered->bytes == std::filesystem::file_size(rig.file_of(opened)));
  CHECK(rig.store->newest("live/cam") == recovered);
  CHECK(read_index(rig.file_of(opened)).has_value());
  CHECK(rig.read_from(noon) == "E0-72");
  rig.restart();
  CHECK(recover(rig).segments == 0);
}

TEST_CASE("whoever reads an open segment goes on in it when it was recovered") {
  StoreRig rig;
  rig.record({.first = 0, .closed = false});
  rig.restart();
  const auto place = value(rig.store->find("live/cam", wire::Position{'E', 39}));
  REQUIRE(place);
  recover(rig);
  rig.record({.first = 40, .start = noon + 4s, .gap = GapReason::restart});
  CHECK(StoreRig::name_of(rig.store->next(*place)) == "E40");
}

TEST_CASE("files that are newer than what the catalog knows are taken in") {
  StoreRig rig;
  rig.record({.first = 0});
  rig.write({.epoch = 'D', .start = noon - 4s});  // older: nobody looks for it
  rig.write({.first = 40, .start = noon + 4s, .gap = GapReason::backlog});
  rig.write({.first = 80, .start = noon + 2h, .closed = false});
  rig.restart();
  Recovery recovery(*rig.store);
  recovery.begin();
  // Before anything is recovered it is known where the newest one ends.
  const auto newest = rig.store->newest("live/cam");
  REQUIRE(newest);
  CHECK(newest->first == wire::Position{'E', 80});
  CHECK(newest->last_sync == 110);
  CHECK(newest->number == 5);
  CHECK(newest->start == noon + 2h);
  CHECK(newest->start_time == 900'000 + 80 * 9'000);
  CHECK(rig.store->next_start("live/cam", noon + 1h) > noon + 2h);
  while (recovery.run_next()) {
  }
  CHECK(recovery.counts().segments == 1);
  CHECK(rig.store->newest("live/cam")->last_sync == 110);
  CHECK(value(rig.store->catalog().sums()).front().segments == 3);
  CHECK(value(rig.store->catalog().at("live/cam", noon + 4s))->gap == GapReason::backlog);
  CHECK(rig.read_from(noon) == "E0-119");
}

TEST_CASE("a catalog that was lost is filled from the files the newest first") {
  StoreRig rig;
  for (std::uint64_t n = 0; n < 6; ++n) {
    rig.write({.first = n * 40, .start = noon + n * 30min, .gap = GapReason::stopped});
  }
  rig.write({.stream = "live/other", .first = 3, .start = noon, .closed = false});
  rig.store.reset();
  for (const auto& entry : std::filesystem::directory_iterator(rig.folder.path())) {
    if (entry.path().filename().string().starts_with("catalog")) {
      std::filesystem::remove(entry.path());
    }
  }
  rig.open();
  Recovery recovery(*rig.store);
  recovery.begin();
  CHECK(rig.store->newest("live/cam")->first.sequence == 200);
  CHECK(rig.store->newest("live/other")->first.sequence == 3);
  while (recovery.run_next()) {
  }
  CHECK(recovery.counts().segments == 1);
  CHECK(recovery.counts().indexed == 6);
  const auto sums = value(rig.store->catalog().sums());
  REQUIRE(sums.size() == 2);
  CHECK(sums[0].segments == 6);
  CHECK(sums[1].segments == 1);
  CHECK(rig.read_from(noon) == "E0-239");
}

TEST_CASE("a file without a whole chunk goes and what was recorded before it is the newest") {
  StoreRig rig;
  const Segment last = rig.record({.first = 0});
  const SegmentTable cut_short = rig.write({.first = 40, .start = noon + 4s, .closed = false});
  Segment known = cut_short.segment;
  known.id = rig.store->catalog().add(known);
  cut(rig, known, cut_short.chunks.front().offset + 30);
  const Segment empty = rig.write({.first = 80, .start = noon + 2h, .closed = false}).segment;
  cut(rig, empty, 0);
  rig.restart();
  CHECK(recover(rig).removed == 2);
  CHECK(!std::filesystem::exists(rig.file_of(known)));
  CHECK(!std::filesystem::exists(rig.file_of(empty).parent_path()));
  CHECK(rig.store->newest("live/cam") == last);
  CHECK(rig.read_from(noon) == "E0-39");
}

TEST_CASE("a segment that the catalog has without a file is forgotten") {
  StoreRig rig;
  Segment gone = rig.write({.first = 0, .closed = false}).segment;
  gone.id = rig.store->catalog().add(gone);
  std::filesystem::remove(rig.file_of(gone));
  rig.restart();
  recover(rig);
  CHECK(!value(rig.store->catalog().get(gone.id)));
  CHECK(!rig.store->newest("live/cam"));
}

TEST_CASE("something large that is no recording stays where it is") {
  StoreRig rig;
  const auto file = segment_path(rig.folder.path(), "live/cam", noon);
  StoreRig::write_file(file, std::string(3 << 20, 'x'));
  recover(rig);
  CHECK(std::filesystem::exists(file));
  CHECK(value(rig.store->catalog().sums()).empty());
}

TEST_CASE("recovery that is stopped leaves the rest for the next start") {
  StoreRig rig;
  for (std::uint64_t n = 0; n < 3; ++n) {
    rig.record({.first = n * 40, .start = noon + n * 4s, .closed = false});
  }
  rig.restart();
  {
    Recovery recovery(*rig.store);
    recovery.begin();
    CHECK(recovery.run_next());
    recovery.stop();
    CHECK(!recovery.run_next());
  }
  rig.restart();
  CHECK(value(rig.store->catalog().open_ones()).size() == 2);
  CHECK(recover(rig).segments == 2);
}

}  // namespace disk

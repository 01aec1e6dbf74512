#include "relay/disk/store.hpp"

#include <doctest/doctest.h>

#include <string>
#include <thread>

#include "tests/unit/disk/store_rig.hpp"

namespace disk {
namespace {

using namespace std::chrono_literals;
using test::noon;
using test::StoreRig;
using test::value;

}  // namespace

TEST_CASE("a second store in the same folder is refused and told who has it") {
  StoreRig rig;
  try {
    Store second({rig.folder.path(), 0, 0, 4}, rig.log);
    FAIL("it was let in");
  } catch (const std::runtime_error& error) {
    CHECK(std::string(error.what())
              .find(rig.folder.path().string() + " is used by another relay (pid ") == 0);
  }
  rig.restart();
}

TEST_CASE("a root that cannot be made is a sentence that names it") {
  const ::test::TemporaryFolder folder;
  StoreRig::write_file(folder.path() / "file", "x");
  base::Log log{base::LogLevel::error, base::LogFormat::text};
  try {
    Store store({folder.path() / "file" / "root", 0, 0, 4}, log);
    FAIL("it was made");
  } catch (const std::runtime_error& error) {
    CHECK(std::string(error.what()).find("/file/root (recording.root): ") != std::string::npos);
  }
}

TEST_CASE("a root with a slash at its end is the same") {
  StoreRig rig;
  rig.record({.first = 0});
  rig.store.reset();
  rig.store.emplace(Store::Options{rig.folder.path() / "", 1 << 20, 1 << 20, 4}, rig.log);
  CHECK(rig.store->root() == rig.folder.path());
  CHECK(rig.read_from(noon) == "E0-39");
}

TEST_CASE("what a stream recorded last is known from the start") {
  StoreRig rig;
  rig.record({.first = 0});
  const Segment last = rig.record({.first = 40, .start = noon + 4s});
  CHECK(rig.store->newest("live/cam") == last);
  CHECK(!rig.store->newest("live"));
  rig.restart();
  CHECK(rig.store->newest("live/cam") == last);

  Segment next = last;
  next.start += 4s;
  rig.store->set_newest(next);
  rig.store->set_newest(last);
  CHECK(rig.store->newest("live/cam") == next);
}

TEST_CASE("a segment starts behind all others whatever its first chunk says") {
  StoreRig rig;
  CHECK(rig.store->next_start("live/cam", noon) == noon);
  rig.record({.start = noon});
  CHECK(rig.store->next_start("live/cam", noon + 4s) == noon + 4s);
  CHECK(rig.store->next_start("live/cam", noon) == noon + 1us);
  CHECK(rig.store->next_start("live/cam", noon - 3s) == noon + 1us);
}

TEST_CASE("a time is the last sync chunk before it") {
  StoreRig rig;
  rig.record({.first = 0});
  rig.record({.first = 40, .start = noon + 4s});
  CHECK(rig.at(noon) == "E0");
  CHECK(rig.at(noon + 999ms) == "E0");
  CHECK(rig.at(noon + 1s) == "E10");
  CHECK(rig.at(noon + 3999ms) == "E30");
  CHECK(rig.at(noon + 4s) == "E40");
  CHECK(rig.at(noon + 7999ms) == "E70");
  // Nothing is there or later.
  CHECK(rig.at(noon + 8s) == "nothing");
  CHECK(StoreRig::name_of(rig.store->find("live/cam", wire::Live{})) == "E70");
  CHECK(StoreRig::name_of(rig.store->find("live/cam2", noon)) == "nothing");
  CHECK(StoreRig::name_of(rig.store->find("live/cam2", wire::Live{})) == "nothing");
}

TEST_CASE("a time before everything or in a gap is the next chunk with the reason") {
  StoreRig rig;
  rig.record({.first = 0});
  rig.record({.first = 60, .start = noon + 6s, .gap = GapReason::backlog});
  rig.record({.epoch = 'F', .first = 7, .start = noon + 20s, .gap = GapReason::publisher});
  CHECK(rig.at(noon - 1us) == "E0(not_kept)");
  CHECK(rig.at(noon + 4s) == "E60(backlog)");
  CHECK(rig.at(noon + 5999ms) == "E60(backlog)");
  CHECK(rig.at(noon + 10s) == "F7(publisher)");
  CHECK(rig.read_from(noon) == "E0-39 E60(backlog)-99 F7(publisher)-46");
}

TEST_CASE("a small difference between an end and the next start is no gap") {
  StoreRig rig;
  rig.record({.first = 0});
  rig.record({.first = 40, .start = noon + 4s + 3ms});
  CHECK(rig.at(noon + 4s + 1ms) == "E30");
}

TEST_CASE("a pause of the publisher is a gap in time and none in numbers") {
  StoreRig rig;
  rig.record({.first = 0});
  rig.record({.first = 40, .start = noon + 9s, .gap = GapReason::publisher});
  CHECK(rig.at(noon + 3999ms) == "E30");
  CHECK(rig.at(noon + 4s) == "E40(publisher)");
  CHECK(rig.at('E', 40) == "E40");
  CHECK(rig.read_from(noon) == "E0-79");
}

TEST_CASE("a position is that chunk or the first sync chunk behind it with the reason") {
  StoreRig rig;
  rig.record({.first = 20});
  rig.record({.first = 70, .start = noon + 5s, .gap = GapReason::memory});
  rig.record({.epoch = 'F', .first = 0, .start = noon + 20s});
  CHECK(rig.at('E', 20) == "E20");
  CHECK(rig.at('E', 59) == "E59");
  CHECK(rig.at('E', 60) == "E70(memory)");
  CHECK(rig.at('E', 19) == "E20(not_kept)");
  CHECK(rig.at('E', 109) == "E109");
  CHECK(rig.at('E', 110) == "F0(publisher)");
  CHECK(rig.at('F', 40) == "nothing");
  CHECK(rig.at('G', 3) == "nothing");  // nobody knows where that is
}

TEST_CASE("segments that overlap give every chunk once") {
  StoreRig rig;
  rig.record({.first = 0});
  // A camera sent again from its last sync chunk, and broke off at once; then once more.
  rig.record({.first = 30, .chunks = 3, .start = noon + 3s, .gap = GapReason::restart});
  rig.record({.first = 30, .start = noon + 3s + 1us, .gap = GapReason::restart});
  CHECK(rig.read_from(noon) == "E0-69");
  CHECK(rig.read_from(wire::Position{'E', 35}) == "E35-69");
  CHECK(rig.at(noon + 3500ms) == "E30");
  CHECK(rig.at(noon + 4500ms) == "E40");
}

TEST_CASE("an open segment is read as far as it is published") {
  StoreRig rig;
  rig.record({.first = 0});
  const SegmentTable table = rig.record_open({.first = 40, .start = noon + 4s});
  rig.publish(table, 15);
  CHECK(rig.at('E', 54) == "E54");
  CHECK(rig.at('E', 55) == "nothing");
  CHECK(rig.at(noon + 5s) == "E50");
  CHECK(rig.at(noon + 5500ms) == "nothing");
  CHECK(rig.read_from(noon) == "E0-54");
  const auto last = value(rig.store->find("live/cam", wire::Position{'E', 54}));
  rig.publish(table, 16);
  CHECK(StoreRig::name_of(rig.store->next(*last)) == "E55");
}

TEST_CASE("whoever reads a segment while it is closed goes on into the next one") {
  StoreRig rig;
  SegmentTable table = rig.record_open({.first = 0});
  rig.publish(table, 20);
  const auto place = value(rig.store->find("live/cam", wire::Position{'E', 19}));
  CHECK(StoreRig::name_of(rig.store->next(*place)) == "nothing");
  // The next one is there before the catalog knows that this one is closed.
  const SegmentTable next =
      rig.record_open({.first = 60, .start = noon + 6s, .gap = GapReason::backlog});
  CHECK(StoreRig::name_of(rig.store->next(*place)) == "nothing");
  const std::int64_t id = table.segment.id;
  table = rig.write({.first = 0, .chunks = 42});
  table.segment.id = id;
  rig.store->catalog().update(table.segment);
  rig.store->retract(id);
  CHECK(StoreRig::name_of(rig.store->next(*place)) == "E20");
  CHECK(rig.read_from(wire::Position{'E', 19}) == "E19-41 E60(backlog)-99");
}

TEST_CASE("what a crash left open is read before it is recovered") {
  StoreRig rig;
  rig.record({.first = 0, .chunks = 25, .closed = false});
  rig.restart();
  CHECK(rig.read_from(noon) == "E0-24");
  rig.record({.epoch = 'F', .first = 3, .start = noon + 9s, .gap = GapReason::restart});
  CHECK(rig.read_from(noon) == "E0-24 F3(restart)-42");
  CHECK(rig.at(noon + 4s) == "F3(restart)");
}

TEST_CASE("files that are gone or damaged are passed over with the reason") {
  StoreRig rig;
  const Segment first = rig.record({.first = 0});
  const Segment second = rig.record({.first = 40, .start = noon + 4s});
  rig.record({.first = 80, .start = noon + 8s});
  std::filesystem::remove(rig.file_of(second));
  CHECK(rig.read_from(noon) == "E0-39 E80(damaged)-119");
  CHECK(rig.at(noon + 5s) == "E80(damaged)");
  CHECK(rig.at('E', 55) == "E80(damaged)");
  rig.damage(first, 0, first.bytes);
  rig.store->forget_table(first.id);
  CHECK(rig.at(noon) == "E80(damaged)");
  CHECK(rig.at(noon - 1s) == "E80(damaged)");
  CHECK(rig.at('E', 3) == "E80(damaged)");
}

TEST_CASE("of a file whose index is damaged what is sound is read") {
  StoreRig rig;
  const SegmentTable table = rig.write({.first = 0});
  Segment first = table.segment;
  first.id = rig.store->catalog().add(first);
  rig.record({.first = 40, .start = noon + 4s});
  const ChunkEntry& last = table.chunks.back();
  rig.damage(first, last.offset + last.bytes, 100);
  CHECK(rig.read_from(noon) == "E0-79");
  // A chunk in the middle as well: what follows it in the file is not known to be where it is.
  rig.damage(first, table.chunks[25].offset + table.chunks[25].bytes - 100, 10);
  rig.store->forget_table(first.id);
  CHECK(rig.read_from(noon) == "E0-24 E40(damaged)-79");
  CHECK(rig.at('E', 30) == "E40(damaged)");
  CHECK(rig.at(noon + 3s) == "E40(damaged)");
}

TEST_CASE("the newest sync chunk of a recording is found behind what cannot be read") {
  StoreRig rig;
  rig.record({.first = 0});
  const Segment last = rig.record({.first = 40, .start = noon + 4s});
  std::filesystem::remove(rig.file_of(last));
  CHECK(StoreRig::name_of(rig.store->find("live/cam", wire::Live{})) == "E30");
}

TEST_CASE("a segment is published and closed while others read it") {
  StoreRig rig;
  SegmentTable table = rig.record_open({.first = 0, .chunks = 200});
  rig.publish(table, 1);
  const auto read = [&] {
    auto place = rig.store->find("live/cam", wire::Position{'E', 0});
    std::size_t count = 1;
    while (count < table.chunks.size()) {
      const auto next = rig.store->next(**place);
      if (!next || !*next) continue;  // not there yet
      if ((*next)->position() != (*place)->position().next()) break;
      place = next;
      ++count;
    }
    return count;
  };
  std::size_t counts[2] = {};
  std::thread readers[] = {std::thread([&] { counts[0] = read(); }),
                           std::thread([&] { counts[1] = read(); })};
  for (std::size_t chunks = 2; chunks < table.chunks.size(); ++chunks) rig.publish(table, chunks);
  const std::int64_t id = table.segment.id;
  Segment closed = rig.write({.first = 0, .chunks = 200}).segment;
  closed.id = id;
  rig.store->catalog().update(closed);
  rig.store->retract(id);
  for (std::thread& one : readers) one.join();
  CHECK(counts[0] == 200);
  CHECK(counts[1] == 200);
}

TEST_CASE("a segment is held as often as it is released") {
  StoreRig rig;
  CHECK(!rig.store->is_held(3));
  rig.store->hold(3);
  rig.store->hold(3);
  rig.store->release(3);
  CHECK(rig.store->is_held(3));
  rig.store->release(3);
  CHECK(!rig.store->is_held(3));
}

}  // namespace disk

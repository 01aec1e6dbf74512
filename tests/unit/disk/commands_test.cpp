#include "relay/disk/commands.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <vector>

#include "relay/disk/progress.hpp"
#include "tests/unit/disk/store_rig.hpp"

namespace disk {
namespace {

using namespace std::chrono_literals;
using test::noon;
using test::StoreRig;
using test::value;

std::string list(const StoreRig& rig, bool as_json = false) {
  std::ostringstream out;
  list_recordings(rig.folder.path(), as_json, out);
  return out.str();
}

struct Verified {
  bool is_sound;
  std::string text;
};
Verified verify(const StoreRig& rig) {
  std::ostringstream out;
  const bool is_sound = verify_recordings(rig.folder.path(), out, nullptr);
  return {is_sound, out.str()};
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string refusal(void (*command)(const StoreRig&), const StoreRig& rig) {
  try {
    command(rig);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

void reindex(const StoreRig& rig) {
  std::ostringstream out;
  reindex_recordings(rig.folder.path(), out, nullptr);
}

}  // namespace

TEST_CASE("sizes and lengths are told in the unit that is read best") {
  CHECK(to_size(0) == "0 B");
  CHECK(to_size(1023) == "1023 B");
  CHECK(to_size(1536) == "1.5 KiB");
  CHECK(to_size(5ULL << 40) == "5.0 TiB");
  CHECK(to_length(0s) == "0.0s");
  CHECK(to_length(59s + 940ms) == "59.9s");
  CHECK(to_length(60s) == "1m 00s");
  CHECK(to_length(50h + 3min + 9s) == "50h 03m 09s");
}

TEST_CASE("the list has what each stream recorded and its gaps") {
  StoreRig rig;
  rig.record({.first = 0, .gap = GapReason::restart});  // before everything: no gap of the list
  rig.record({.first = 40, .start = noon + 4s});
  rig.record({.first = 70, .start = noon + 7s, .gap = GapReason::restart});  // overlaps
  rig.record({.first = 150, .start = noon + 15s, .gap = GapReason::backlog});
  rig.record_open({.stream = "live/other", .first = 7, .chunks = 12});
  REQUIRE(rig.store->catalog().commit());

  std::istringstream lines(list(rig));
  std::string line;
  std::getline(lines, line);
  CHECK(line.starts_with("stream      from"));
  std::getline(lines, line);
  CHECK(has(line, "live/cam    2026-03-27T12:00:00.000Z  2026-03-27T12:00:19.000Z"));
  CHECK(has(line, "15.0s         4"));
  CHECK(line.ends_with("1 (4.0s)"));
  std::getline(lines, line);
  CHECK(has(line, "2026-03-27T12:00:01.200Z+"));
  CHECK(line.ends_with("  0"));

  const std::string json = list(rig, true);
  CHECK(
      json.starts_with("{\"recordings\":[{\"stream\":\"live/cam\",\"from\":\"2026-03-27T12:00:00"));
  CHECK(has(json, "\"seconds\":15,\"segments\":4,"));
  CHECK(has(json, "\"gaps\":1,\"gap_seconds\":4}"));
  CHECK(has(json, "\"open\":true,\"seconds\":1.2,\"segments\":1,"));
}

TEST_CASE("the list of an empty folder says so") {
  const StoreRig rig;
  CHECK(has(list(rig), "nothing is recorded in "));
  CHECK(list(rig, true) == "{\"recordings\":[]}\n");
  const auto without_catalog = [](const StoreRig& of) {
    std::ostringstream out;
    list_recordings(of.folder.path() / "nowhere", false, out);
  };
  CHECK(has(refusal(without_catalog, rig), "there is no catalog of recordings in "));
}

TEST_CASE("what is as it was written is verified") {
  StoreRig rig;
  rig.record({.first = 0});
  rig.record_open({.first = 40, .start = noon + 4s});
  REQUIRE(rig.store->catalog().commit());
  const auto verified = verify(rig);
  CHECK(verified.is_sound);
  CHECK(has(verified.text, "live/cam: 2 segments, "));
  CHECK(has(verified.text, "0 damaged chunks, 1 segments not closed\n"));
  CHECK(has(verified.text, "everything is as it was written\n"));
}

TEST_CASE("every damaged chunk is told of with place and time and reason") {
  StoreRig rig;
  const SegmentTable table = rig.write({.first = 100});
  const auto spoil = [&](std::size_t index) {
    const ChunkEntry& chunk = table.chunks[index];
    rig.damage(table.segment, chunk.offset + chunk.bytes - 20, 5);
  };
  for (const std::size_t index : {0U, 7U, 39U}) spoil(index);
  const auto verified = verify(rig);
  CHECK(!verified.is_sound);
  const std::string file = rig.file_of(table.segment).string();
  const auto line_of = [&](std::size_t index) {
    const ChunkEntry& chunk = table.chunks[index];
    return file + ": offset " + std::to_string(chunk.offset) + ", " + std::to_string(chunk.bytes) +
           " bytes, chunk " + std::to_string(100 + index) + " of epoch 0000000000000045, " +
           base::to_iso8601(chunk.utc) +
           ": the bytes are not those that were written: another checksum\n";
  };
  for (const std::size_t index : {0U, 7U, 39U}) CHECK(has(verified.text, line_of(index)));
  CHECK(!has(verified.text, line_of(8)));
  CHECK(has(verified.text, "3 damaged chunks in 1 files, 0 files missing\n"));
}

TEST_CASE("the end of a file that is not closed may be half written") {
  StoreRig rig;
  const SegmentTable table = rig.record_open({.first = 0});
  REQUIRE(rig.store->catalog().commit());
  std::filesystem::resize_file(rig.file_of(table.segment), table.segment.bytes - 10);
  CHECK(verify(rig).is_sound);
  rig.damage(table.segment, table.chunks[3].offset + 60, 4);
  const auto verified = verify(rig);
  CHECK(!verified.is_sound);
  CHECK(has(verified.text, "chunk 3 of epoch 0000000000000045, after " +
                               base::to_iso8601(table.chunks[2].utc) + ": "));
  CHECK(has(verified.text, ", 1 damaged chunks, 1 segments not closed\n"));
}

TEST_CASE("a file that was closed and is cut or gone is damaged") {
  StoreRig rig;
  const Segment cut = rig.record({.first = 0});
  const Segment gone = rig.record({.first = 40, .start = noon + 4s});
  REQUIRE(rig.store->catalog().commit());
  std::filesystem::resize_file(rig.file_of(cut), cut.bytes / 2);
  std::filesystem::remove(rig.file_of(gone));
  const auto verified = verify(rig);
  CHECK(!verified.is_sound);
  CHECK(has(verified.text, rig.file_of(cut).string() + ": offset "));
  CHECK(has(verified.text, rig.file_of(gone).string() + ": the catalog has it"));
}

TEST_CASE("a terminal has a bar below the lines") {
  StoreRig rig;
  rig.record({.first = 0});
  std::ostringstream out;
  std::ostringstream bar;
  verify_recordings(rig.folder.path(), out, &bar);
  CHECK(has(bar.str(), "\r[##############################] 100 %  "));
  CHECK(bar.str().ends_with("\r\033[K"));
  CHECK(!has(out.str(), "["));
}

TEST_CASE("a catalog is made anew from the files") {
  StoreRig rig;
  std::vector<Segment> segments;
  segments.push_back(rig.record({.first = 0, .gap = GapReason::restart}));
  segments.push_back(rig.record({.first = 40, .start = noon + 4s}));
  segments.push_back(rig.record({.epoch = 'F', .first = 3, .start = noon + 3h}));
  const SegmentTable open = rig.write({.stream = "live", .first = 9, .closed = false});
  StoreRig::write_file(segment_path(rig.folder.path(), "live", noon + 1h), "x");
  const std::string before = list(rig);
  CHECK(has(refusal(reindex, rig), " is used by another relay (pid "));
  rig.store.reset();
  StoreRig::write_file(rig.folder.path() / "catalog.sqlite", std::string(10'000, 'x'));
  std::ostringstream out;
  reindex_recordings(rig.folder.path(), out, nullptr);
  CHECK(has(out.str(), "4 segments are in the catalog of "));
  CHECK(has(out.str(), ": left out: "));
  rig.open();
  CHECK(!rig.store->catalog().is_new());
  for (Segment& segment : segments) {
    auto found = value(rig.store->catalog().at("live/cam", segment.start));
    REQUIRE(found);
    found->id = segment.id;
    CHECK(*found == segment);
  }
  CHECK(value(rig.store->catalog().at("live", noon))->chunks == 40);
  CHECK(value(rig.store->catalog().open_ones()).empty());
  CHECK(!std::filesystem::exists(rig.folder.path() / ".reindex"));
}

}  // namespace disk

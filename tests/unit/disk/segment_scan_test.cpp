#include "relay/disk/segment_scan.hpp"

#include <fstream>

#include "relay/disk/errc.hpp"
#include "tests/unit/disk/record_rig.hpp"
#include "tests/unit/temporary_folder.hpp"

namespace disk {
namespace {

using ::test::E;
using ::test::Recording;
using ::test::WireRig;

class MemorySource final : public ByteSource {
 public:
  MemorySource(const std::string& bytes, std::size_t piece) : bytes_(bytes), piece_(piece) {}
  std::uint64_t size() const noexcept override { return bytes_.size(); }
  base::Result<std::span<const std::byte>> at(std::uint64_t offset, std::size_t least) override {
    const auto rest = std::as_bytes(std::span(bytes_)).subspan(static_cast<std::size_t>(offset));
    return rest.first(std::min(rest.size(), std::max(least, piece_)));
  }

 private:
  const std::string bytes_;
  const std::size_t piece_;
};

/// A segment of some chunks of a camera; the third is a box alone.
Recording::File make_file(std::uint64_t first = 10, std::uint64_t chunks = 6,
                          std::size_t bytes = 60, std::uint64_t epoch = E) {
  WireRig rig;
  Recording recording(rig.maker.pool);
  recording.gap = GapReason::restart;
  for (std::uint64_t number = first; number < first + chunks; ++number) {
    if (number == first + 2) {
      wire::Chunk empty;
      empty.position = {epoch, number};
      empty.utc = WireRig::start_utc;
      empty.checksum = wire::checksum_of({});
      recording.write(rig.to_log(empty));
      continue;
    }
    recording.write(rig.to_log(rig.make({epoch, number}, number % 5 == 0, bytes)));
  }
  recording.close();
  return recording.files.at(0);
}

std::size_t records_end(const Recording::File& file) {
  const ChunkEntry& last = file.table.chunks.back();
  return static_cast<std::size_t>(last.offset + last.bytes);
}

base::Result<Scan> scan(const std::string& bytes, std::size_t piece = 100,
                        const std::string& stream = "live/cam") {
  MemorySource source(bytes, piece);
  return scan_segment(source, stream);
}

std::string flipped(std::string bytes, std::size_t at, std::size_t count = 1) {
  for (; count > 0; --count) {
    bytes[at] = static_cast<char>(~bytes[at]);
    ++at;
  }
  return bytes;
}

class OnDisk {
 public:
  explicit OnDisk(const std::string& bytes) : path(folder_.path() / "segment.mp4") { write(bytes); }
  // Anew: what truncates a file waits for the disk.
  void write(const std::string& bytes) {
    std::filesystem::remove(path);
    std::ofstream(path, std::ios::binary) << bytes;
  }
  std::string read() const {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  ::test::TemporaryFolder folder_;

 public:
  const std::filesystem::path path;
};

Segment known(std::int64_t id = 7) {
  Segment segment;
  segment.id = id;
  segment.stream = "live/cam";
  return segment;
}

}  // namespace

TEST_CASE("a scan finds what was written however it is read") {
  const auto file = make_file();
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 20}) {
    const auto found = scan(file.bytes, piece);
    REQUIRE(found.has_value());
    CHECK(found->has_index);
    CHECK(found->damage.empty());
    CHECK(found->valid_bytes == records_end(file));
    CHECK(found->head == file.head());
    CHECK(found->table.chunks == file.table.chunks);
    CHECK(found->table.segment == file.table.segment);
  }
  CHECK(scan(file.bytes, 100, "live/other").error() == Errc::bad_head);
}

TEST_CASE("wherever a file ends a scan finds the whole records before") {
  const auto file = make_file();
  for (std::size_t cut = 0; cut < file.bytes.size(); ++cut) {
    const auto found = scan(file.bytes.substr(0, cut));
    std::size_t whole = 0;
    for (const ChunkEntry& entry : file.table.chunks) whole += entry.offset + entry.bytes <= cut;
    if (whole == 0) {
      REQUIRE(found.has_error());
      CHECK(found.error() == (cut < file.head().size() ? Errc::bad_head : Errc::nothing_valid));
      continue;
    }
    REQUIRE(found.has_value());
    CHECK_FALSE(found->has_index);
    CHECK(found->table.segment.is_open);
    REQUIRE(found->table.chunks.size() == whole);
    CHECK(found->table.chunks.back() == file.table.chunks[whole - 1]);
    const std::size_t end = found->table.chunks.back().offset + found->table.chunks.back().bytes;
    CHECK(found->valid_bytes == end);
    REQUIRE(found->damage.size() == (end == cut ? 0 : 1));
    if (end != cut) {
      CHECK(found->damage[0].offset == end);
      CHECK(found->damage[0].bytes == cut - end);
    }
  }
}

TEST_CASE("whatever byte is damaged is reported and what is behind it is not served") {
  const auto file = make_file();
  const std::size_t end = records_end(file);
  for (std::size_t at = 0; at < file.bytes.size(); ++at) {
    const auto found = scan(flipped(file.bytes, at));
    if (at < file.head().size()) {
      REQUIRE(found.has_error());
      continue;
    }
    std::size_t before = 0;
    for (const ChunkEntry& entry : file.table.chunks) before += entry.offset + entry.bytes <= at;
    if (before == 0) {
      CHECK(found.error() == Errc::nothing_valid);
      continue;
    }
    REQUIRE(found.has_value());
    CHECK(found->table.chunks.size() == before);
    REQUIRE(found->damage.size() == 1);
    CHECK(found->damage[0].offset <= at);
    CHECK(found->damage[0].offset + found->damage[0].bytes > at);
    CHECK(found->has_index == (at < end));
    if (at >= end) continue;
    // Only the record itself, as its neighbours are well.
    const ChunkEntry& entry = file.table.chunks[before];
    CHECK(found->damage[0].offset == entry.offset);
    CHECK(found->damage[0].bytes == entry.bytes);
    CHECK(found->damage[0].position == wire::Position{E, 10 + before});
  }
}

TEST_CASE("every damaged record is reported") {
  const auto file = make_file(10, 20);
  std::string bytes = file.bytes;
  for (const std::size_t index : {std::size_t{3}, std::size_t{4}, std::size_t{9}}) {
    bytes = flipped(bytes, file.table.chunks[index].offset + 100);
  }
  // Of this one nothing is left that says how long it was.
  const ChunkEntry& lost = file.table.chunks[15];
  bytes = flipped(bytes, static_cast<std::size_t>(lost.offset), 60);
  const auto found = scan(bytes);
  REQUIRE(found.has_value());
  CHECK(found->table.chunks.size() == 3);
  REQUIRE(found->damage.size() == 4);
  CHECK(found->damage[0].position == wire::Position{E, 13});
  CHECK(found->damage[1].position == wire::Position{E, 14});
  CHECK(found->damage[2].position == wire::Position{E, 19});
  CHECK(found->damage[3].position == wire::Position{E, 25});
  CHECK(found->damage[3].why == Errc::foreign_bytes);
  CHECK(found->damage[3].bytes == lost.bytes);
  CHECK(found->has_index);
}

TEST_CASE("a scan of nothing but damage ends") {
  const auto file = make_file(10, 2000, 1);
  std::string bytes = file.bytes;
  for (const ChunkEntry& entry : file.table.chunks) {
    if (entry.offset == file.table.chunks[0].offset) continue;
    bytes = flipped(bytes, static_cast<std::size_t>(entry.offset) + 50);
  }
  const auto found = scan(bytes);
  REQUIRE(found.has_value());
  CHECK(found->damage.size() == damages_max);
  CHECK(found->damage.back().offset + found->damage.back().bytes == bytes.size());
}

TEST_CASE("records that are missing or of another epoch are damage") {
  const auto file = make_file();
  const auto other = make_file(10, 6, 60, ::test::F);
  std::string bytes(file.head());
  bytes += file.record(0);
  bytes += file.record(2);
  const auto missing = scan(bytes);
  REQUIRE(missing.has_value());
  CHECK(missing->table.chunks.size() == 1);
  CHECK(missing->damage.at(0).why == Errc::other_record);
  bytes = std::string(file.head()) + std::string(file.record(0)) + std::string(other.record(1));
  CHECK(scan(bytes)->damage.at(0).why == Errc::other_record);
}

TEST_CASE("the index of a closed file is read from its end") {
  const auto file = make_file();
  const OnDisk disk(file.bytes);
  const auto read = read_index(disk.path);
  REQUIRE(read.has_value());
  CHECK(read->segment == file.table.segment);
  CHECK(read->chunks == file.table.chunks);
}

TEST_CASE("an index that is missing or cut or of another file is none") {
  const auto file = make_file();
  OnDisk disk(file.bytes);
  const std::size_t end = records_end(file);
  for (std::size_t cut = 0; cut < file.bytes.size(); ++cut) {
    disk.write(file.bytes.substr(0, cut));
    CHECK(read_index(disk.path).has_error());
  }
  for (std::size_t at = end; at < file.bytes.size(); ++at) {
    disk.write(flipped(file.bytes, at));
    CHECK(read_index(disk.path).has_error());
  }
  disk.write(file.bytes + "x");
  CHECK(read_index(disk.path).has_error());
  // Of the same length, so it seems to fit.
  const auto other = make_file(20);
  const std::string swapped = file.bytes.substr(0, end) + other.bytes.substr(end);
  REQUIRE(swapped.size() == file.bytes.size());
  disk.write(swapped);
  CHECK(read_index(disk.path).error() == Errc::bad_index);
  const auto found = scan(swapped);
  REQUIRE(found.has_value());
  CHECK_FALSE(found->has_index);
  CHECK(found->damage.at(0).why == Errc::bad_index);
  CHECK(read_index(disk.path.parent_path() / "none").error().value() == ENOENT);
}

TEST_CASE("after a crash a file is cut behind its last whole record and closed") {
  const auto file = make_file();
  OnDisk disk({});
  const std::string garbage(1'000, '\x5a');
  for (std::size_t cut = file.head().size(); cut <= records_end(file); ++cut) {
    const auto is_near = [cut](const ChunkEntry& entry) {
      return cut + 1 >= entry.offset + entry.bytes && cut <= entry.offset + entry.bytes + 1;
    };
    // Each of them waits for the disk.
    if (cut % 31 != 0 && std::ranges::none_of(file.table.chunks, is_near)) continue;
    std::size_t whole = 0;
    for (const ChunkEntry& entry : file.table.chunks) whole += entry.offset + entry.bytes <= cut;
    const std::string torn = file.bytes.substr(0, cut) + (cut % 3 == 0 ? garbage : "");
    disk.write(torn);
    const auto recovered = recover_segment(disk.path, known());
    if (whole == 0) {
      CHECK(recovered.error() == Errc::nothing_valid);
      CHECK(disk.read() == torn);
      continue;
    }
    REQUIRE(recovered.has_value());
    CHECK(recovered->id == 7);
    CHECK_FALSE(recovered->is_open);
    CHECK(recovered->chunks == whole);
    CHECK(recovered->gap == GapReason::restart);
    const std::string mended = disk.read();
    CHECK(recovered->bytes == mended.size());
    const auto index = read_index(disk.path);
    REQUIRE(index.has_value());
    CHECK(index->chunks.size() == whole);
    Segment said = index->segment;
    said.id = 7;
    CHECK(said == *recovered);
    // Once more changes nothing.
    CHECK(recover_segment(disk.path, known()).value() == *recovered);
    CHECK(disk.read() == mended);
    if (whole == file.table.chunks.size()) CHECK(mended == file.bytes);
  }
}

TEST_CASE("recovery leaves a whole file as it is and cuts what is behind its index") {
  const auto file = make_file();
  OnDisk disk(file.bytes);
  const auto time = std::filesystem::last_write_time(disk.path);
  Segment closed = file.table.segment;
  closed.id = 9;
  CHECK(recover_segment(disk.path, known(9)).value() == closed);
  CHECK(std::filesystem::last_write_time(disk.path) == time);
  disk.write(file.bytes + std::string(30'000, '\0'));
  CHECK(recover_segment(disk.path, known(9)).value() == closed);
  CHECK(disk.read() == file.bytes);
  // A half written index.
  disk.write(file.bytes.substr(0, file.bytes.size() - 9));
  CHECK(recover_segment(disk.path, known(9)).value() == closed);
  CHECK(disk.read() == file.bytes);
  Segment other = known();
  other.stream = "live/other";
  CHECK(recover_segment(disk.path, other).error() == Errc::bad_head);
  disk.write("");
  CHECK(recover_segment(disk.path, known()).error() == Errc::bad_head);
}

TEST_CASE("a file of some mebibytes is scanned in pieces") {
  const auto file = make_file(10, 60, 60'000);
  REQUIRE(file.bytes.size() > 3 << 20);
  OnDisk disk(file.bytes);
  const auto found = scan_segment(disk.path, "live/cam");
  REQUIRE(found.has_value());
  CHECK(found->damage.empty());
  CHECK(found->has_index);
  CHECK(found->table.chunks == file.table.chunks);
  disk.write(flipped(file.bytes, static_cast<std::size_t>(file.table.chunks[40].offset), 200));
  const auto damaged = scan_segment(disk.path, "live/cam");
  REQUIRE(damaged.has_value());
  CHECK(damaged->table.chunks.size() == 40);
  REQUIRE(damaged->damage.size() == 1);
  CHECK(damaged->damage[0].bytes == file.table.chunks[40].bytes);
}

}  // namespace disk

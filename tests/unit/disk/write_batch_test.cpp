#include "relay/disk/write_batch.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <memory>

#include "relay/disk/index_box.hpp"
#include "tests/unit/disk/size_limit.hpp"
#include "tests/unit/stream/chunk_maker.hpp"
#include "tests/unit/temporary_folder.hpp"

namespace disk {
namespace {

std::string read(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Rig {
  /// A chunk of two windows; returns its text.
  std::string write(std::size_t bytes = 200) {
    memory::WindowList chunk = maker.write(bytes, bytes / 2);
    std::string text = ::test::to_text(chunk);
    batch.write(std::move(chunk));
    return text;
  }
  std::shared_ptr<SegmentTable> table(std::uint64_t end) const {
    auto made = std::make_shared<SegmentTable>();
    made->segment.bytes = end;
    made->segment.chunks = 1;
    made->chunks.push_back({5, static_cast<std::uint32_t>(end - 5), true, {}, 0});
    return made;
  }

  ::test::TemporaryFolder folder;
  std::filesystem::path first = folder.path() / "live" / "1.mp4";
  std::filesystem::path second = folder.path() / "live" / "2.mp4";
  ::test::ChunkMaker maker;
  SegmentWriter writer{folder.path(), true};
  WriteBatch batch;
};

}  // namespace

TEST_CASE("a batch goes through files in order") {
  Rig rig;
  rig.batch.open(rig.first, "head1");
  std::string expected = "head1" + rig.write();
  expected += rig.write();
  CHECK(rig.batch.bytes() == 400);
  rig.batch.close(rig.table(405));
  rig.batch.open(rig.second, "head2");
  const std::string other = "head2" + rig.write();
  rig.batch.sync();
  const WriteOutcome outcome = rig.writer.run(rig.batch);
  CHECK_FALSE(outcome.error);
  CHECK(outcome.steps == rig.batch.steps().size());
  CHECK(outcome.syncs == 2);
  const std::string index = write_index(*rig.table(405));
  CHECK(read(rig.first) == expected + index);
  CHECK(read(rig.second) == other);
  CHECK(outcome.closed_bytes == std::vector<std::uint64_t>{405 + index.size()});
  CHECK(outcome.file_bytes == other.size());
  CHECK(outcome.bytes == expected.size() + index.size() + other.size());
  rig.batch.clear();
  CHECK(rig.batch.empty());
  CHECK(rig.batch.bytes() == 0);
  CHECK(rig.batch.buffers().empty());
}

TEST_CASE("the next batch goes on in the file that is open") {
  Rig rig;
  rig.batch.open(rig.first, "head1");
  std::string expected = "head1" + rig.write();
  CHECK_FALSE(rig.writer.run(rig.batch).error);
  rig.batch.clear();
  expected += rig.write();
  CHECK(rig.writer.run(rig.batch).file_bytes == 405);
  CHECK(read(rig.first) == expected);
}

TEST_CASE("a batch stops at the step that fails and what there is can be saved") {
  Rig rig;
  rig.batch.open(rig.first, "head1");
  const std::string first = rig.write(2'000);
  rig.write(2'000);
  rig.batch.open(rig.second, "head2");
  {
    const test::SizeLimit limit(3'000);
    const WriteOutcome outcome = rig.writer.run(rig.batch);
    CHECK(outcome.error == boost::system::errc::file_too_large);
    CHECK(outcome.steps == 1);
    CHECK(outcome.file_bytes == 3'000);
  }
  CHECK_FALSE(std::filesystem::exists(rig.second));
  rig.batch.clear();
  SUBCASE("as a whole segment") {
    const auto table = rig.table(2'005);
    rig.batch.close(table, true);
    const WriteOutcome saved = rig.writer.run(rig.batch);
    CHECK_FALSE(saved.error);
    CHECK(read(rig.first) == "head1" + first + write_index(*table));
    CHECK(saved.closed_bytes == std::vector<std::uint64_t>{read(rig.first).size()});
  }
  SUBCASE("without an index where there is no room for it") {
    const test::SizeLimit limit(2'010);
    rig.batch.close(rig.table(2'005), true);
    CHECK_FALSE(rig.writer.run(rig.batch).error);
    CHECK(read(rig.first) == "head1" + first);
  }
  SUBCASE("or removed") {
    rig.batch.remove(rig.first);
    CHECK_FALSE(rig.writer.run(rig.batch).error);
    CHECK_FALSE(std::filesystem::exists(rig.first));
  }
}

}  // namespace disk

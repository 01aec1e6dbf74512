#include "relay/disk/clip_source.hpp"

#include <doctest/doctest.h>

#include "relay/disk/errc.hpp"
#include "tests/unit/disk/clip_rig.hpp"

namespace disk {
namespace {

using test::ClipRig;

struct SourceRig : ClipRig {
  SourceRig() {
    has_audio = true;
    first = record(0, 20);
    second = record(20, 40);
    plan = ClipRig::plan(at(5), at(35)).value();
    source.emplace(store.root(), plan);
    whole = read(plan).substr(plan->head.size());
  }

  std::string part(std::uint64_t offset, std::size_t bytes) {
    std::vector<std::byte> out(bytes);
    const auto done = source->read(offset, out);
    return done ? ::test::to_text(out) : done.error().message();
  }
  void damage(const Segment& segment, std::uint64_t offset) {
    std::fstream file(segment_path(store.root(), segment.stream, segment.start),
                      std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(offset));
    file.put('!');
  }

  Segment first, second;
  std::shared_ptr<const ClipPlan> plan;
  std::optional<ClipSource> source;
  std::string whole;
};

}  // namespace

TEST_CASE("any part of a clip is the same bytes as in the whole") {
  SourceRig rig;
  for (std::size_t offset = 0; offset < rig.whole.size(); offset += 97) {
    for (const std::size_t bytes : {1U, 100U, 299U, 340U, 1000U, 5000U}) {
      const std::string expected = rig.whole.substr(offset, bytes);
      CHECK(rig.part(offset, expected.size()) == expected);
    }
  }
  CHECK(rig.part(rig.whole.size(), 0).empty());
}

TEST_CASE("a clip is read in order in pieces of any size") {
  for (const std::size_t bytes : {1U, 7U, 300U, 4096U}) {
    SourceRig rig;
    std::string read;
    while (read.size() < rig.whole.size()) {
      read += rig.part(read.size(), std::min(bytes, rig.whole.size() - read.size()));
    }
    CHECK(read == rig.whole);
  }
}

TEST_CASE("damaged payload is never a part of a clip") {
  SourceRig rig;
  const ClipPlan::Piece& piece = rig.plan->pieces[7];
  rig.damage(rig.first, piece.offset + piece.bytes - 1);
  std::uint64_t begin = 0;
  for (std::size_t index = 0; index < 7; ++index) begin += rig.plan->pieces[index].bytes;
  const std::string damaged = make_error_code(Errc::bad_checksum).message();
  CHECK(rig.part(0, begin) == rig.whole.substr(0, begin));
  CHECK(rig.part(begin, 1) == damaged);
  CHECK(rig.part(begin, piece.bytes) == damaged);
  CHECK(rig.part(begin + 10, 20) == damaged);
  CHECK(rig.part(0, rig.whole.size()) == damaged);
  CHECK(rig.part(begin + piece.bytes, 500) == rig.whole.substr(begin + piece.bytes, 500));
}

TEST_CASE("a file that was cut or removed ends a clip") {
  SourceRig rig;
  const auto path = segment_path(rig.store.root(), "live/cam", rig.second.start);
  std::filesystem::resize_file(path, rig.plan->pieces[20].offset);
  CHECK(rig.part(0, rig.whole.size()) == make_error_code(Errc::cut_record).message());
  std::filesystem::remove(path);
  rig.source.emplace(rig.store.root(), rig.plan);
  CHECK(rig.part(0, 1000) == rig.whole.substr(0, 1000));
  CHECK(rig.part(0, rig.whole.size()) == "No such file or directory");
}

}  // namespace disk

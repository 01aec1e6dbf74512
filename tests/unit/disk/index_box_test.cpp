#include "relay/disk/index_box.hpp"

#include <doctest/doctest.h>

#include "relay/disk/errc.hpp"

namespace disk {
namespace {

SegmentTable make_table() {
  SegmentTable table;
  Segment& segment = table.segment;
  segment.stream = "live/cam";
  segment.first = {0xf00d'0000'0000'0001, 1000};
  segment.chunks = 3;
  segment.start = base::Utc(std::chrono::microseconds(1'795'721'466'123'456));
  segment.end = segment.start + std::chrono::milliseconds(120);
  segment.start_time = 900'000;
  segment.end_time = 910'800;
  segment.last_sync = 1002;
  segment.last_sync_time = 907'200;
  segment.number = 7;
  segment.discontinuity = 5;
  segment.gap = GapReason::memory;
  segment.is_open = false;
  std::uint64_t offset = 800;
  for (std::uint32_t index = 0; index < 3; ++index) {
    table.chunks.push_back({offset, 5'000 + index, index != 1,
                            segment.start + std::chrono::milliseconds(40 * index),
                            900'000 + 3'600 * static_cast<stream::MediaTime>(index)});
    offset += 5'000 + index;
  }
  return table;
}

auto bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

}  // namespace

TEST_CASE("an index comes back with its segment") {
  SegmentTable table = make_table();
  const std::string bytes = write_index(table);
  const auto read = read_index_box(bytes_of(bytes));
  REQUIRE(read.has_value());
  table.segment.bytes = 800 + 15'003 + bytes.size();
  CHECK(read->segment == table.segment);
  CHECK(read->chunks == table.chunks);
}

TEST_CASE("no byte of an index can change unnoticed and none may be missing") {
  const std::string bytes = write_index(make_table());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string other = bytes;
    other[at] = static_cast<char>(other[at] ^ 1 << at % 8);
    CHECK(read_index_box(bytes_of(other)).has_error());
    CHECK(read_index_box(bytes_of(bytes).first(at)).has_error());
  }
  CHECK(read_index_box(bytes_of(bytes + "x")).error() == Errc::bad_index);
}

TEST_CASE("an index that says what cannot be is refused") {
  const auto refused = [](auto change) {
    SegmentTable table = make_table();
    change(table);
    return read_index_box(bytes_of(write_index(table))).has_error();
  };
  CHECK_FALSE(refused([](SegmentTable&) {}));
  CHECK(refused([](SegmentTable& one) { one.segment.first.epoch = 0; }));
  CHECK(refused([](SegmentTable& one) { one.segment.first.sequence = wire::sequence_max - 1; }));
  CHECK(refused([](SegmentTable& one) { one.segment.last_sync = 1003; }));
  CHECK(refused([](SegmentTable& one) { one.segment.last_sync = 999; }));
  CHECK(refused([](SegmentTable& one) { one.segment.end -= std::chrono::hours(24 * 36'500); }));
  CHECK(refused([](SegmentTable& one) { one.segment.end_time = std::int64_t{1} << 62; }));
  CHECK(refused([](SegmentTable& one) { one.chunks[1].time = -(std::int64_t{1} << 62); }));
  CHECK(refused([](SegmentTable& one) { one.chunks[2].utc = base::Utc::max(); }));
  CHECK(refused([](SegmentTable& one) {
    one.chunks[1].bytes = 7;
    one.chunks[2].offset = one.chunks[1].offset + 7;
  }));
}

}  // namespace disk

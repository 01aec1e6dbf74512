#include "relay/disk/past_read.hpp"

#include "relay/disk/errc.hpp"
#include "relay/disk/record_reader.hpp"
#include "tests/unit/disk/store_rig.hpp"

namespace disk {
namespace {

using namespace std::chrono_literals;
using test::noon;
using wire::Position;

struct Rig : test::StoreRig, PastRead::Events {
  void on_read(PastRead&) noexcept override {}

  std::unique_ptr<PastRead> read(const PastCursor& from, std::size_t blocks,
                                 bool syncs_only = false, std::int64_t head_of = 0) {
    std::vector<memory::BlockHold*> taken;
    for (; blocks > 0; --blocks) taken.push_back(maker.pool.take().value());
    auto made = std::make_unique<PastRead>(
        *store, *this, PastRead::Wanted{1, from, syncs_only, head_of}, std::move(taken));
    made->run();
    return made;
  }
  PastCursor at(std::uint64_t number) {
    return {*test::value(store->find("live/cam", Position{'E', number})), false, GapReason::none};
  }
  /// The numbers of what was read, each read back from its bytes.
  std::string numbers_of(const PastRead& read) {
    std::string text;
    if (!read.head().empty()) {
      REQUIRE(reader.begin(std::as_bytes(std::span(read.head()))).has_value());
    }
    for (const PastRead::Record& record : read.records()) {
      const auto chunk = reader.read(read.bytes(record));
      REQUIRE(chunk.has_value());
      if (!text.empty()) text += ' ';
      text += std::to_string(chunk->position.sequence);
    }
    return text;
  }

  RecordReader reader;
};

}  // namespace

TEST_CASE("a read has as many whole chunks as its blocks have room for") {
  Rig rig;
  rig.record({.bytes = 3'000});
  rig.record({.first = 40, .start = noon + 4s, .bytes = 3'000});
  auto first = rig.read(rig.at(37), 2);
  CHECK(rig.numbers_of(*first) == "37 38");
  CHECK_FALSE(first->head().empty());
  CHECK(first->gap() == GapReason::none);
  auto second = rig.read(first->next(), 16, false, first->table()->segment.id);
  CHECK(rig.numbers_of(*second) == "39");  // to the end of its segment
  CHECK(second->head().empty());
  CHECK(rig.store->is_held(second->table()->segment.id));
  auto third = rig.read(second->next(), 3, false, second->table()->segment.id);
  CHECK(rig.numbers_of(*third) == "40 41 42");
  CHECK_FALSE(third->head().empty());
  const std::int64_t held = third->table()->segment.id;
  third.reset();
  CHECK_FALSE(rig.store->is_held(held));
  first.reset();
  second.reset();
}

TEST_CASE("a chunk that has no room says how much it needs") {
  Rig rig;
  rig.record({.bytes = 30'000});
  const auto read = rig.read(rig.at(5), 7);
  CHECK(read->records().empty());
  const std::size_t needed = read->bytes_needed();
  CHECK(needed > 30'000);
  const auto again = rig.read(rig.at(5), (needed + 4095) / 4096);
  CHECK(rig.numbers_of(*again) == "5");
  CHECK(again->bytes_needed() == 0);
}

TEST_CASE("behind the last chunk is an end that may grow or not") {
  Rig rig;
  rig.record({.chunks = 3});
  PastCursor last = rig.at(2);
  last.is_read = true;
  const auto closed = rig.read(last, 4);
  CHECK(closed->is_at_end());
  CHECK_FALSE(closed->may_grow());
  const auto open = rig.record_open({.first = 3, .chunks = 5, .start = noon + 1s});
  rig.publish(open, 4);
  const auto read = rig.read(closed->next(), 4);
  CHECK(rig.numbers_of(*read) == "3 4 5 6");
  const auto end = rig.read(read->next(), 4);
  CHECK(end->is_at_end());
  CHECK(end->may_grow());
  rig.publish(open, 5);
  CHECK(rig.numbers_of(*rig.read(end->next(), 4)) == "7");
}

TEST_CASE("a read stops before what is damaged and the next one is behind it") {
  Rig rig;
  const Segment segment = rig.record({});
  const auto table = test::value(rig.store->table(segment));
  for (const std::size_t index : {4U, 30U}) {
    rig.damage(segment, table->chunks[index].offset + 60, 1);
  }
  const auto first = rig.read(rig.at(2), 16);
  CHECK(rig.numbers_of(*first) == "2 3");
  CHECK(first->error() == Errc::bad_checksum);
  const auto second = rig.read(first->next(), 16);
  CHECK(rig.numbers_of(*second) == "10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29");
  CHECK(second->gap() == GapReason::damaged);
  const auto third = rig.read(second->next(), 16);  // no sync chunk is left
  CHECK(third->is_at_end());
  CHECK(third->next().gap == GapReason::damaged);
  rig.record({.first = 40, .start = noon + 4s});
  const auto fourth = rig.read(third->next(), 16);
  CHECK(rig.numbers_of(*fourth).starts_with("40 41"));
  CHECK(fourth->gap() == GapReason::damaged);
}

TEST_CASE("of a file that is gone nothing is read") {
  Rig rig;
  const Segment segment = rig.record({});
  rig.record({.first = 40, .start = noon + 4s});
  const PastCursor from = rig.at(3);
  std::filesystem::remove(rig.file_of(segment));
  const auto read = rig.read(from, 16);
  CHECK(read->records().empty());
  CHECK(read->error());
  const auto next = rig.read(read->next(), 16);
  CHECK(rig.numbers_of(*next).starts_with("40 41"));
  CHECK(next->gap() == GapReason::not_kept);
}

TEST_CASE("a file that is shorter than its index says is damaged there") {
  Rig rig;
  const Segment segment = rig.record({});
  const auto table = test::value(rig.store->table(segment));
  std::filesystem::resize_file(rig.file_of(segment), table->chunks[20].offset + 10);
  const auto read = rig.read(rig.at(0), 16);
  CHECK(read->records().empty());
  CHECK(read->error() == Errc::cut_record);
  CHECK(read->next().gap == GapReason::damaged);
}

TEST_CASE("sync chunks alone are read one by one") {
  Rig rig;
  rig.record({.bytes = 3'000});
  const auto read = rig.read(rig.at(3), 16, true);
  CHECK(rig.numbers_of(*read) == "10 20 30");
  CHECK(read->bytes_read() < 10'000);
}

}  // namespace disk

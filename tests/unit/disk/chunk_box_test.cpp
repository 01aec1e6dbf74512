#include "relay/disk/chunk_box.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "relay/disk/errc.hpp"
#include "relay/disk/record_check.hpp"
#include "relay/disk/varint.hpp"
#include "tests/unit/disk/record_rig.hpp"

namespace disk {
namespace {

using Bytes = std::vector<std::byte>;

ChunkBox make_box() {
  ChunkBox box;
  box.payload_checksum = 0xdeadbeef;
  box.sync = true;
  box.position = {0xf00d'0000'0000'0001, 77};
  box.utc = base::Utc(std::chrono::microseconds(1'795'721'466'123'456));
  box.time = 900'000;
  box.length = 3000;
  box.segment = 1'795'721'466;
  box.part = 3;
  box.discontinuity = 2;
  box.video_frames = 1;
  box.audio_frames = 2;
  box.wire_offset = -5;
  box.stamp_offset = 1'234'567'890'123;
  box.samples = {{1, true, 480'000, 480'000, 1024, 300},
                 {1, true, 481'024, 481'024, 1024, 301},
                 {0, false, 900'000, 903'000, 3000, 17'000},
                 {15, true, -1, std::numeric_limits<std::int64_t>::max(), 0, 0}};
  return box;
}

Bytes write(ChunkBox& box, std::uint32_t following = 200 + 17'601) {
  Bytes bytes(chunk_box_bytes_bound(box.samples.size()));
  write_chunk_box(box, following, bytes);
  bytes.resize(box.box_bytes);
  return bytes;
}

std::uint64_t varint(std::initializer_list<unsigned> bytes) {
  Bytes copy;
  for (const unsigned byte : bytes) copy.push_back(static_cast<std::byte>(byte));
  base::ByteReader reader(copy);
  const std::uint64_t value = read_varint(reader);
  if (!reader.ok()) return 0xbad;
  CHECK(reader.remaining() == 0);
  return value;
}

}  // namespace

TEST_CASE("a varint has one form") {
  CHECK(varint({0}) == 0);
  CHECK(varint({0x7F}) == 127);
  CHECK(varint({0x80, 1}) == 128);
  CHECK(varint({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1}) == ~std::uint64_t{0});
  for (const auto& bad : std::initializer_list<std::initializer_list<unsigned>>{
           {},
           {0x80},
           {0x80, 0},
           {0xFF, 0x80, 0},
           {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2},
           {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0},
           {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x81, 0}}) {
    CHECK(varint(bad) == 0xbad);
  }
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1}, std::int64_t{-64}, std::int64_t{64},
        std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    Bytes bytes(varint_bytes_max);
    fmp4::BoxWriter out(bytes);
    write_signed_varint(out, value);
    bytes.resize(out.size());
    CHECK(bytes.size() == (value >= -64 && value < 64 ? 1 : value == 64 ? 2 : 10));
    base::ByteReader reader(bytes);
    CHECK(read_signed_varint(reader) == value);
    CHECK(reader.ok());
  }
}

TEST_CASE("the box before a chunk comes back as it was written") {
  ChunkBox box = make_box();
  Bytes bytes = write(box);
  CHECK(box.box_bytes == bytes.size());
  CHECK(box.payload_bytes == 17'601);
  CHECK(box.header_bytes() == bytes.size() + 200);
  bytes.push_back(std::byte{1});  // what follows is none of its business
  ChunkBox read;
  read.samples.resize(100);
  REQUIRE(read_chunk_box(bytes, read).has_value());
  CHECK(read == box);
  const auto size = find_chunk_box(bytes);
  REQUIRE(size);
  CHECK(size->box_bytes == box.box_bytes);
  CHECK(size->record_bytes == box.record_bytes);

  ChunkBox bare;
  bare.position = {1, 0};
  const Bytes small = write(bare, 0);
  REQUIRE(read_chunk_box(small, read).has_value());
  CHECK(read == bare);
  CHECK(small.size() == 80);
}

TEST_CASE("a box that is cut or says what cannot be is refused") {
  ChunkBox box = make_box();
  const Bytes bytes = write(box);
  ChunkBox read;
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    CHECK(read_chunk_box(std::span(bytes).first(cut), read).error() == Errc::bad_record);
    CHECK(find_chunk_box(std::span(bytes).first(cut)).has_value() == (cut >= 40));
  }
  const auto refused = [&](auto change, std::uint32_t following = 200 + 17'601) {
    ChunkBox other = make_box();
    change(other);
    const Bytes written = write(other, following);
    return read_chunk_box(written, read).has_error();
  };
  CHECK_FALSE(refused([](ChunkBox&) {}));
  CHECK(refused([](ChunkBox& one) { one.position.epoch = 0; }));
  CHECK(refused([](ChunkBox& one) { one.position.sequence = wire::sequence_max; }));
  CHECK(refused([](ChunkBox& one) { one.utc -= std::chrono::hours(24 * 365 * 100); }));
  CHECK(refused([](ChunkBox& one) { one.time = std::int64_t{1} << 62; }));
  CHECK(refused([](ChunkBox& one) { one.samples[0].bytes = 65 << 20; }));
  CHECK(refused([](ChunkBox&) {}, 17'600));              // the payload is longer
  CHECK(refused([](ChunkBox&) {}, 17'601));              // without the head of an mdat
  CHECK(refused([](ChunkBox&) {}, 17'601 + (2 << 20)));  // more header than there can be
  CHECK(refused([](ChunkBox& one) { one.samples.clear(); }, 8));
  CHECK(refused([](ChunkBox& one) { one.samples.clear(); }, 0) == false);
}

TEST_CASE("no byte of a record can change unnoticed wherever it is cut") {
  ::test::WireRig rig;
  ::test::Recording recording(rig.maker.pool);
  recording.write(rig.to_log(rig.make({::test::E, 1}, true, 100)));
  const std::string record(recording.files[0].record(0));
  const ChunkEntry& entry = recording.files[0].table.chunks[0];
  const auto check = [](const std::string& text, std::size_t cut, const ChunkEntry& as) {
    const iovec parts[2] = {{const_cast<char*>(text.data()), cut},
                            {const_cast<char*>(text.data()) + cut, text.size() - cut}};
    return check_record(parts, as);
  };
  for (std::size_t cut = 0; cut <= record.size(); ++cut) {
    CHECK(check(record, cut, entry).has_value());
    CHECK(
        check_record(std::array{iovec{const_cast<char*>(record.data()), cut}}, entry).has_value() ==
        (cut == record.size()));
  }
  for (std::size_t at = 0; at < record.size(); ++at) {
    for (const int bit : {0, 3, 7}) {
      std::string other = record;
      other[at] = static_cast<char>(other[at] ^ 1 << bit);
      CHECK(check(other, at / 2, entry).has_error());
    }
  }
  CHECK(check(record + "x", record.size(), entry).error() == Errc::other_record);
  CHECK(check(record + record, record.size(), entry).error() == Errc::other_record);
  for (const auto change :
       {+[](ChunkEntry& one) { ++one.bytes; }, +[](ChunkEntry& one) { one.sync = !one.sync; },
        +[](ChunkEntry& one) { one.utc += std::chrono::microseconds(1); },
        +[](ChunkEntry& one) { ++one.time; }}) {
    ChunkEntry other = entry;
    change(other);
    CHECK(check(record, 0, other).error() == Errc::other_record);
  }
}

TEST_CASE("a record check takes what is of the record and no more") {
  ::test::WireRig rig;
  ::test::Recording recording(rig.maker.pool);
  recording.write(rig.to_log(rig.make({::test::E, 1}, true, 100)));
  recording.write(rig.to_log(rig.make({::test::E, 2}, false, 50)));
  const auto& file = recording.files[0];
  const std::string both = std::string(file.record(0)) + std::string(file.record(1));
  RecordCheck check;
  for (int round = 0; round < 2; ++round) {
    const auto bytes = std::as_bytes(std::span(both));
    REQUIRE(check.feed(bytes).value() == file.record(0).size());
    REQUIRE(check.is_whole());
    check.restart();
    std::size_t taken = 0;
    for (const std::byte& byte : bytes.subspan(file.record(0).size())) {
      REQUIRE_FALSE(check.is_whole());
      taken += check.feed({&byte, 1}).value();
    }
    CHECK(taken == file.record(1).size());
    CHECK(check.is_whole());
    CHECK(check.box().position.sequence == 2);
    check.restart();
  }
}

TEST_CASE("a reader refuses records that are not of its segment") {
  ::test::WireRig rig;
  ::test::Recording recording(rig.maker.pool);
  recording.write(rig.to_log(rig.make({::test::E, 1}, true, 100)));
  const auto& file = recording.files[0];
  const std::string record(file.record(0));
  RecordReader reader;
  CHECK(reader.read(::test::put(rig.maker, record)).has_error());  // of no segment yet
  REQUIRE(reader.begin(std::as_bytes(std::span(file.head()))).has_value());
  CHECK(reader.read(::test::put(rig.maker, record)).has_value());
  CHECK(reader.read({}).error() == Errc::bad_record);
  CHECK(reader.read(::test::put(rig.maker, record + "x")).error() == Errc::bad_record);
  for (std::size_t cut = 1; cut < record.size(); ++cut) {
    CHECK(reader.read(::test::put(rig.maker, record.substr(0, cut))).error() == Errc::bad_record);
  }
  // What is damaged but was not checked is read as something, or refused.
  for (std::size_t at = 0; at < record.size() - 100; ++at) {
    std::string other = record;
    other[at] = static_cast<char>(~other[at]);
    auto windows = ::test::put(rig.maker, other.substr(0, at));
    windows.append(::test::put(rig.maker, other.substr(at)));
    const auto chunk = reader.read(std::move(windows));
    if (chunk) CHECK(chunk->payload_bytes() <= record.size());
  }
  wire::Chunk foreign = rig.make({::test::F, 1}, true, 100);
  ::test::Recording others(rig.maker.pool);
  others.write(rig.to_log(foreign));
  CHECK(reader.read(::test::put(rig.maker, std::string(others.files[0].record(0)))).error() ==
        Errc::bad_record);
}

}  // namespace disk

#include <doctest/doctest.h>

#include "relay/media/container/mpegts/section.hpp"
#include "tests/unit/media/container/mpegts/reader_rig.hpp"

using test::Bytes;
using test::ContinuityCheck;
using test::PacketBuilder;
using test::ReaderRig;

namespace {

constexpr unsigned video = 256;
constexpr unsigned audio = 257;
constexpr unsigned other = 300;

PacketBuilder::Pes frame(bool is_sync) {
  return {.pid = video, .packets = 3, .head = is_sync ? test::idr_slice() : test::other_slice()};
}

// Groups of a sync frame and two others, with sound, private data and tables in odd places.
Bytes make_stream(int groups, const std::vector<PacketBuilder::Stream>& streams) {
  PacketBuilder out;
  out.tables(streams);
  for (int group = 0; group < groups; ++group) {
    out.pes(frame(true));
    out.pes({.pid = audio, .packets = 2, .has_length = true});
    if (group % 3 == 0) out.tables(streams);
    out.pes(frame(false));
    out.packet(other, true, Bytes(184));
    if (group % 2 == 0) out.pmt(0x1000, 1, streams);
    out.pes(frame(false));
    out.packet(mpegts::null_pid, false, Bytes(184));
  }
  return out.bytes();
}

mpegts::Packet packet_at(const Bytes& bytes, std::size_t at) {
  return mpegts::Packet(std::span(bytes).subspan(at).first<188>());
}

std::vector<PacketBuilder::Stream> many_streams() {
  // A PMT of several packets.
  std::vector<PacketBuilder::Stream> streams{{0x1B, video}, {0x0F, audio}};
  for (unsigned pid = 400; pid < 408; ++pid) {
    Bytes descriptor(80, std::byte{'x'});
    descriptor[0] = std::byte{0xC0};
    descriptor[1] = std::byte{78};
    streams.push_back({0x06, pid, descriptor});
  }
  return streams;
}

}  // namespace

TEST_CASE("a viewer that begins at any sync piece sees tables first and no counter jump") {
  for (const auto& streams :
       {std::vector<PacketBuilder::Stream>{{0x1B, video}, {0x0F, audio}}, many_streams()}) {
    ReaderRig rig;
    CHECK(rig.feed(make_stream(12, streams), 1000));
    rig.finish();
    int syncs = 0;
    for (std::size_t index = 0; index < rig.pieces.size(); ++index) {
      const auto& piece = rig.pieces[index];
      if (!piece.sync) {
        CHECK(piece.start_join.empty());
        CHECK(piece.skip_join.empty());
        continue;
      }
      ++syncs;
      CHECK(piece.start_join.empty() == (index == 0));
      const Bytes start = test::gather(piece.start_join);
      ContinuityCheck check;
      check.add(start);
      check.add(test::gather(rig.pieces, index));
      CHECK(check.errors == 0);
      if (index == 0) continue;
      // What is read from the image alone are the tables.
      const mpegts::Packet first = packet_at(start, 0);
      CHECK(first.pid() == mpegts::pat_pid);
      CHECK(first.is_unit_start());
      mpegts::SectionReader pmt(2);
      for (std::size_t at = 188; at < start.size(); at += 188) {
        const mpegts::Packet packet = packet_at(start, at);
        CHECK(packet.pid() == 0x1000);
        pmt.take(packet.payload(), packet.is_unit_start());
      }
      REQUIRE(pmt.has_new());
      const auto section = pmt.take_new();
      CHECK(Bytes(section.begin(), section.end()) == PacketBuilder::make_pmt(1, streams, 0));
    }
    CHECK(syncs == 12);
  }
}

TEST_CASE("a viewer that jumps forward to any sync piece is told of every counter jump") {
  ReaderRig rig;
  CHECK(rig.feed(make_stream(12, many_streams()), 1000));
  rig.finish();
  for (std::size_t from = 0; from < rig.pieces.size(); ++from) {
    for (std::size_t to = from + 1; to < rig.pieces.size(); ++to) {
      if (!rig.pieces[to].sync) continue;
      ContinuityCheck check;
      for (std::size_t index = 0; index <= from; ++index) {
        check.add(test::gather(rig.pieces[index].bytes));
      }
      check.add(test::gather(rig.pieces[to].skip_join));
      check.add(test::gather(rig.pieces, to));
      REQUIRE(check.errors == 0);
    }
  }
}

TEST_CASE("a first piece joined to another publisher's stream fits though audio comes later") {
  ReaderRig first;
  CHECK(first.feed(make_stream(5, many_streams())));
  ReaderRig second;
  CHECK(second.feed(make_stream(3, many_streams())));
  REQUIRE(second.pieces[0].sync);
  ContinuityCheck check;
  check.add(test::gather(first.pieces));
  check.add(test::gather(second.pieces[0].skip_join));
  check.add(test::gather(second.pieces));
  // Private data that no table names is nobody's.
  CHECK(check.errors <= 1);
}

TEST_CASE("tables of several programs are all repeated") {
  PacketBuilder out;
  out.pat({{1, 0x100}, {2, 0x200}, {3, 0x200}});
  for (int group = 0; group < 3; ++group) {
    out.pmt(0x100, 1, {{0x0F, 0x101}});
    out.pmt(0x200, 2, {{0x1B, 0x201}});
    out.pmt(0x200, 3, {{0x1B, 0x301}});
    out.pes({.pid = 0x201, .packets = 2, .head = test::idr_slice()});
  }
  ReaderRig rig;
  CHECK(rig.feed(out.bytes()));
  REQUIRE(rig.pieces.size() == 3);
  ContinuityCheck check;
  check.add(test::gather(rig.pieces[0].bytes));
  check.add(test::gather(rig.pieces[2].skip_join));
  check.add(test::gather(rig.pieces[2].bytes));
  CHECK(check.errors == 0);
}

TEST_CASE("audio pieces share their tables until tables pass") {
  PacketBuilder out;
  const std::vector<PacketBuilder::Stream> streams{{0x0F, audio}};
  out.tables(streams);
  for (int index = 0; index < 20; ++index) {
    if (index == 10) out.tables(streams);
    out.pes({.pid = audio, .packets = 1, .has_length = true});
  }
  ReaderRig rig;
  CHECK(rig.feed(out.bytes()));
  REQUIRE(rig.pieces.size() == 20);
  CHECK(rig.pieces[5].start_join[0].data() == rig.pieces[6].start_join[0].data());
  for (std::size_t index = 1; index < 20; ++index) {
    ContinuityCheck check;
    check.add(test::gather(rig.pieces[index].start_join));
    check.add(test::gather(rig.pieces, index));
    CHECK(check.errors == 0);
  }
}

TEST_CASE("without a free block nobody can begin at the piece but its bytes go on") {
  const Bytes stream = make_stream(2, {{0x1B, video}, {0x0F, audio}});
  memory::Arena arena(16 << 10, 4 << 10);
  memory::BlockPool pool(arena);
  std::vector<memory::BlockHold*> taken;
  while (auto hold = pool.take()) taken.push_back(*hold);
  mpegts::Reader reader(pool);
  CHECK(reader.feed(memory::Window::on_static(stream), base::Time{}));
  const auto piece = reader.poll();
  REQUIRE(piece);
  CHECK(!piece->sync);
  CHECK(piece->start_join.empty());
  CHECK(piece->skip_join.empty());
  CHECK(!piece->bytes.empty());
  CHECK(reader.counters().joins_failed > 0);
  for (auto* hold : taken) memory::BlockPool::release(hold);
}

// What the reader refuses, and what it bears.
#include <doctest/doctest.h>

#include "relay/media/container/mpegts/errc.hpp"
#include "tests/unit/media/container/mpegts/reader_rig.hpp"
#include "tests/unit/test_cuts.hpp"

using namespace std::chrono_literals;
using mpegts::Errc;
using mpegts::Reader;
using test::Bytes;
using test::PacketBuilder;
using test::ReaderRig;
using Sizes = std::vector<std::size_t>;

namespace {

Bytes noise(std::size_t size) { return Bytes(size, std::byte{0xA5}); }

PacketBuilder stream(int frames) {
  PacketBuilder out;
  out.tables({{0x1B, 256}});
  for (int frame = 0; frame < frames; ++frame) {
    out.pes(
        {.pid = 256, .packets = 2, .head = frame == 0 ? test::idr_slice() : test::other_slice()});
  }
  return out;
}

}  // namespace

TEST_CASE("bytes without packets are refused") {
  ReaderRig rig;
  CHECK(rig.feed(noise(Reader::unsynced_bytes_max)));
  const auto fed = rig.feed(noise(4096));
  REQUIRE(!fed);
  CHECK(fed.error() == Errc::no_sync);
  CHECK(!fed.error().message().empty());
  CHECK(rig.feed(stream(1).bytes()).error() == Errc::no_sync);
  rig.finish();
  CHECK(rig.pieces.empty());
}

TEST_CASE("packets without a PAT are refused") {
  PacketBuilder out;
  for (int packet = 0; packet < 100; ++packet) out.packet(300, false, noise(184));
  ReaderRig rig;
  std::size_t fed_bytes = 0;
  for (;; fed_bytes += out.bytes().size()) {
    if (const auto fed = rig.feed(out.bytes()); !fed) {
      CHECK(fed.error() == Errc::no_pat);
      break;
    }
    REQUIRE(fed_bytes <= Reader::before_pat_bytes_max);
  }
  CHECK(fed_bytes + out.bytes().size() > Reader::before_pat_bytes_max);
}

TEST_CASE("more than sixteen tracks are refused") {
  std::vector<PacketBuilder::Stream> streams;
  for (unsigned pid = 0; pid < 16; ++pid) streams.push_back({0x0F, 256 + pid});
  PacketBuilder good;
  good.tables(streams);
  good.packet(mpegts::null_pid, false, noise(184));
  ReaderRig rig;
  CHECK(rig.feed(good.bytes()));
  CHECK(rig.reader.tracks().size() == 16);
  streams.push_back({0x0F, 400});
  PacketBuilder bad;
  bad.tables(streams);
  bad.packet(mpegts::null_pid, false, noise(184));
  ReaderRig other;
  const auto fed = other.feed(bad.bytes());
  REQUIRE(!fed);
  CHECK(fed.error() == Errc::too_many_tracks);
}

TEST_CASE("what comes before the first PAT is dropped") {
  PacketBuilder out;
  out.packet(300, false, noise(184));
  out.packet(0, false, noise(184));  // a PAT's end
  const std::size_t before = out.bytes().size();
  out.raw(stream(2).bytes());
  test::at_every_cut(std::span(out.bytes()).first(600), [&](memory::Window head, memory::Window) {
    ReaderRig rig(64 << 10, 4 << 10);
    CHECK(rig.feed(head));
    CHECK(rig.feed(memory::Window::on_static(std::span(out.bytes()).subspan(head.size()))));
    CHECK(test::gather(rig.pieces) == Bytes(out.bytes().begin() + 376, out.bytes().end()));
    CHECK(rig.reader.counters().dropped_bytes == before);
  });
}

TEST_CASE("lost sync is found again and what lay between is dropped") {
  const Bytes good = stream(8).bytes();
  Bytes input = noise(70);
  input.insert(input.end(), good.begin(), good.begin() + 188 * 7);
  const Bytes middle = noise(1000);
  input.insert(input.end(), middle.begin(), middle.end());
  input.insert(input.end(), good.begin() + 188 * 7, good.end());
  for (const std::size_t step : {1U, 13U, 188U, 500U, 100'000U}) {
    ReaderRig rig;
    CHECK(rig.feed(input, step));
    rig.finish();
    CHECK(test::gather(rig.pieces) == good);
    CHECK(rig.reader.counters().dropped_bytes == 1070);
    CHECK(rig.reader.counters().resyncs == 1);
    CHECK(rig.reader.counters().video_frames == 8);
  }
}

TEST_CASE("lost sync is found again in windows that do not follow one another") {
  const Bytes good = stream(8).bytes();
  Bytes input = good;
  input[188 * 5] = std::byte{0};
  test::at_every_cut(input, [&](memory::Window head, memory::Window tail) {
    ReaderRig rig(64 << 10, 4 << 10);
    CHECK(rig.feed(head));
    CHECK(rig.feed(tail));
    rig.finish();
    CHECK(rig.reader.counters().dropped_bytes == 188);
    CHECK(rig.reader.counters().continuity_errors == 1);
    CHECK(test::gather(rig.pieces).size() == good.size() - 188);
  });
}

TEST_CASE("a body too short for three packets is read at its end") {
  PacketBuilder out;
  out.tables({{0x0F, 256}});
  Bytes input = noise(20);
  input.insert(input.end(), out.bytes().begin(), out.bytes().end());
  input.erase(input.end() - 100, input.end());  // the second packet is cut
  ReaderRig rig;
  CHECK(rig.feed(input));
  CHECK(rig.pieces.empty());
  rig.finish();
  CHECK(rig.sizes() == Sizes{1});
  CHECK(rig.reader.counters().dropped_bytes == 20);
  CHECK(rig.reader.counters().cut_bytes == 88);
  ReaderRig tiny;
  CHECK(tiny.feed(noise(50)));
  tiny.finish();
  CHECK(tiny.pieces.empty());
}

TEST_CASE("the packet that the end cuts is dropped") {
  const Bytes input = stream(3).bytes();
  ReaderRig rig;
  CHECK(rig.feed(std::span(input).first(input.size() - 1)));
  rig.finish();
  CHECK(test::gather(rig.pieces).size() == input.size() - 188);
  CHECK(rig.reader.counters().cut_bytes == 187);
}

TEST_CASE("a frame without end is cut at 1 MiB") {
  PacketBuilder out;
  out.tables({{0x1B, 256}});
  out.pes({.pid = 256, .packets = 12'000, .head = test::idr_slice(), .is_stuffed = false});
  ReaderRig rig(8 << 20);
  CHECK(rig.feed(out.bytes(), 30'000));
  rig.finish();
  REQUIRE(rig.pieces.size() == 3);
  CHECK(rig.pieces[0].bytes.bytes() <= Reader::piece_bytes_max);
  CHECK(rig.pieces[0].bytes.bytes() > Reader::piece_bytes_max - 188);
  CHECK(rig.pieces[0].sync);
  CHECK(!rig.pieces[1].sync);
  CHECK(rig.reader.counters().video_frames == 1);
  CHECK(rig.reader.counters().long_frames == 2);
}

TEST_CASE("a frame without end is as long as it was since the last silence") {
  PacketBuilder out;
  out.tables({{0x1B, 256}});
  out.pes({.pid = 256, .packets = 12'000, .head = test::idr_slice(), .is_stuffed = false});
  const Bytes input = out.bytes();
  ReaderRig rig(8 << 20);
  CHECK(rig.feed(std::span(input).first(input.size() / 3), 30'000));
  rig.now += Reader::silence;
  rig.reader.on_time(rig.now);
  CHECK(rig.feed(std::span(input).subspan(input.size() / 3), 30'000));
  rig.finish();
  CHECK(test::gather(rig.pieces) == input);
  CHECK(rig.reader.counters().long_frames == 1);
}

TEST_CASE("a program without video and audio is cut at silence and at 64 KiB") {
  PacketBuilder out;
  out.tables({{0x06, 300}});
  for (int packet = 0; packet < 400; ++packet) out.packet(300, packet == 0, noise(184));
  ReaderRig rig;
  CHECK(rig.feed(out.bytes()));
  REQUIRE(rig.pieces.size() == 1);
  CHECK(rig.pieces[0].bytes.bytes() >= Reader::data_piece_bytes_max);
  CHECK(rig.pieces[0].bytes.bytes() < Reader::data_piece_bytes_max + 188);
  CHECK(rig.pieces[0].sync);
  rig.pass(10ms);
  CHECK(rig.pieces.size() == 2);
}

TEST_CASE("damaged tables are ignored and counted") {
  PacketBuilder out;
  Bytes pat = PacketBuilder::make_section(0, 1, 0, Bytes(4, std::byte{1}));
  pat[9] ^= std::byte{4};
  out.section(0, pat);
  out.tables({{0x1B, 256}});
  out.pes({.pid = 256, .packets = 2, .head = test::idr_slice()});
  ReaderRig rig;
  CHECK(rig.feed(out.bytes()));
  CHECK(rig.reader.counters().bad_sections == 1);
  CHECK(rig.reader.tracks().size() == 1);
}

TEST_CASE("any number of PIDs passes through") {
  PacketBuilder out = stream(1);
  for (unsigned pid = 400; pid < 1400; ++pid) out.packet(pid, true, noise(184));
  out.raw(stream(2).bytes());
  ReaderRig rig;
  CHECK(rig.feed(out.bytes()));
  CHECK(test::gather(rig.pieces) == out.bytes());
  CHECK(rig.reader.counters().video_frames == 3);
}

TEST_CASE("blocks are given back when pieces go") {
  const Bytes part = stream(200).bytes();
  ReaderRig rig(512 << 10, 16 << 10);
  for (int round = 0; round < 100; ++round) {
    // Two workers' worth of an arena carries a stream of any length as long as pieces are let go.
    CHECK(rig.feed(part, 1400));
    rig.pieces.clear();
    CHECK(rig.pool.held_count() <= 3);
  }
}

TEST_CASE("a body in which nothing was MPEG-TS is told at its end") {
  ReaderRig empty;
  CHECK(empty.reader.finish());
  ReaderRig text;
  CHECK(text.feed(noise(500)));
  CHECK(text.reader.finish().error() == Errc::no_sync);
  PacketBuilder out;
  for (int packet = 0; packet < 5; ++packet) out.packet(300, false, noise(184));
  ReaderRig rig;
  CHECK(rig.feed(out.bytes()));
  CHECK(rig.reader.finish().error() == Errc::no_pat);
}

TEST_CASE("units that are not what they say are counted") {
  PacketBuilder out;
  out.tables({{0x1B, 256}});
  const auto lies = [&] {
    ReaderRig rig;
    CHECK(rig.feed(out.bytes()));
    rig.finish();
    return rig.reader.counters().bad_pes;
  };
  SUBCASE("none") {
    out.unit({.pid = 256, .payload = test::idr_slice(), .has_length = true});
    out.unit({.pid = 256, .payload = test::other_slice(), .has_length = true});
    CHECK(lies() == 0);
  }
  SUBCASE("longer than they are") {
    for (int frame = 0; frame < 3; ++frame) {
      Bytes unit(20, std::byte{0});
      unit[2] = std::byte{1};
      unit[3] = std::byte{0xE0};
      unit[4] = std::byte{1};  // 256 bytes
      unit[6] = std::byte{0x80};
      out.packet(256, true, unit);
    }
    CHECK(lies() == 2);
  }
  SUBCASE("without a start code") {
    out.packet(256, true, noise(184));
    CHECK(lies() == 1);
  }
}

TEST_CASE("packets that cannot be and PIDs beyond the table are counted") {
  PacketBuilder out = stream(1);
  Bytes input = out.take();
  for (unsigned pid = 400; pid < 500; ++pid) out.packet(pid, false, noise(184));
  Bytes more = out.take();
  more[3] = std::byte{0x30};  // an adaptation field and a payload
  more[4] = std::byte{183};   // no room is left for one
  more[188 + 3] = std::byte{0x20};
  more[188 + 4] = std::byte{183};  // all of it
  more[2 * 188 + 1] |= std::byte{0x80};
  input.insert(input.end(), more.begin(), more.end());
  ReaderRig rig;
  CHECK(rig.feed(input));
  CHECK(rig.reader.counters().bad_packets == 2);
  CHECK(rig.reader.counters().unfollowed_packets == 100 - (mpegts::PidTable::others_max - 3));
}

TEST_CASE("a PMT whose lengths lie is counted") {
  PacketBuilder out;
  out.pat({{1, 0x1000}});
  Bytes body = PacketBuilder::make_pmt(1, {{0x1B, 256}}, 0);
  body.erase(body.begin(), body.begin() + 8);
  body.resize(body.size() - 4);
  body[8] = std::byte{100};  // ES_info_length
  out.section(0x1000, PacketBuilder::make_section(2, 1, 0, body));
  ReaderRig rig;
  CHECK(rig.feed(out.bytes()));
  rig.finish();
  CHECK(rig.reader.counters().bad_sections == 1);
  CHECK(rig.reader.tracks().empty());
}

#include "relay/media/container/mpegts/restamper.hpp"

#include "relay/media/container/mpegts/section.hpp"
#include "relay/media/container/mpegts/stamp.hpp"
#include "tests/unit/media/container/mpegts/elementary.hpp"
#include "tests/unit/media/container/mpegts/reader_rig.hpp"
#include "tests/unit/media/container/mpegts/sample_rig.hpp"

using mpegts::Restamper;
using test::Bytes;
using test::PacketBuilder;
using test::operator+;

namespace {

constexpr std::int64_t range = std::int64_t{1} << 33;

struct Rig {
  memory::Arena arena{4 << 20, 64 << 10};
  memory::BlockPool pool{arena};
  test::Receiver receiver{pool};

  Bytes restamp(Restamper& restamper, const Bytes& bytes, std::size_t step = 1 << 20) {
    const auto list = receiver.receive(bytes, step);
    restamper.restamp(list);
    return test::to_bytes(list);
  }
};

Bytes restamp(const Bytes& bytes, std::int64_t delta, std::uint8_t version,
              std::size_t step = 1 << 20) {
  Rig rig;
  Restamper restamper(delta, version);
  return rig.restamp(restamper, bytes, step);
}

std::uint64_t clock_of(const Bytes& packet, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t index = at; index < at + 6; ++index) {
    value = value << 8 | std::to_integer<std::uint64_t>(packet[index]);
  }
  return value;
}

// A packet with an adaptation field of these bytes and nothing else.
Bytes adaptation(const Bytes& field) {
  Bytes out = test::bytes({0x47, 0x01, 0x00, 0x20, 183}) + field;
  out.resize(188, std::byte{0xFF});
  return out;
}

}  // namespace

TEST_CASE("a restamped real file has the same samples at other times and all else is the same") {
  for (const char* name : {"ts/h264_aac.ts", "ts/two_audio.ts", "ts/gst_h264_aac.ts"}) {
    CAPTURE(name);
    const Bytes file = test::data_file(name);
    for (const std::int64_t delta : {std::int64_t{1}, std::int64_t{-900'000}, range - 90'000}) {
      CAPTURE(delta);
      const Bytes moved = restamp(file, delta, 7);
      test::SampleRig before;
      REQUIRE(before.feed(file));
      test::SampleRig after;
      after.stamps = {-delta, 0};
      REQUIRE(after.feed(moved));
      CHECK(before.samples == after.samples);
      CHECK(!before.samples.empty());
      // What changed are tables, clocks, and stamps in the first bytes of units.
      REQUIRE(moved.size() == file.size());
      for (std::size_t at = 0; at < file.size(); at += 188) {
        const mpegts::Packet packet{std::span(file).subspan(at).first<188>()};
        const bool is_same = std::equal(file.begin() + static_cast<std::ptrdiff_t>(at),
                                        file.begin() + static_cast<std::ptrdiff_t>(at + 188),
                                        moved.begin() + static_cast<std::ptrdiff_t>(at));
        CHECK((is_same || packet.is_unit_start() || packet.has_adaptation()));
      }
      CHECK(restamp(moved, -delta, 0) == file);
    }
  }
}

TEST_CASE("packets are restamped the same wherever windows cut them") {
  const Bytes file = test::data_file("ts/h264_aac.ts");
  const Bytes whole = restamp(file, 12'345, 3);
  for (const std::size_t step : {1U, 3U, 100U, 187U, 188U, 189U, 1400U}) {
    CHECK(restamp(file, 12'345, 3, step) == whole);
  }
  // And in calls of one packet, since no header of theirs goes over two.
  Rig rig;
  Restamper restamper(12'345, 3);
  Bytes packets;
  for (std::size_t at = 0; at < file.size(); at += 188) {
    packets = std::move(packets) +
              rig.restamp(restamper,
                          Bytes(file.begin() + static_cast<std::ptrdiff_t>(at),
                                file.begin() + static_cast<std::ptrdiff_t>(at + 188)),
                          50);
  }
  CHECK(packets == whole);
}

TEST_CASE("PCR and OPCR move by their base and keep the rest") {
  const std::uint64_t base = range - 5;
  const std::uint64_t clock = base << 15 | 0x7E00 | 299;
  Bytes field = test::bytes({0x18});
  for (const std::uint64_t value : {clock, clock + (1 << 15)}) {
    for (int shift = 40; shift >= 0; shift -= 8) {
      field.push_back(static_cast<std::byte>(value >> shift & 0xFF));
    }
  }
  const Bytes moved = restamp(adaptation(field), 10, 0);
  CHECK(clock_of(moved, 6) == (std::uint64_t{5} << 15 | 0x7E00 | 299));
  CHECK(clock_of(moved, 12) == (std::uint64_t{6} << 15 | 0x7E00 | 299));
  CHECK(restamp(moved, -10, 0) == adaptation(field));
}

TEST_CASE("PES headers over several packets of a call are restamped") {
  for (std::size_t most = 1; most <= 20; ++most) {
    CAPTURE(most);
    PacketBuilder out;
    out.unit({.pid = 256, .payload = Bytes(60), .pts = 2000, .dts = 1000, .most = most});
    PacketBuilder expected;
    expected.unit({.pid = 256, .payload = Bytes(60), .pts = 2500, .dts = 1500, .most = most});
    CHECK(restamp(out.bytes(), 500, 0) == expected.bytes());
    CHECK(restamp(out.bytes(), 500, 0, 3) == expected.bytes());
  }
}

TEST_CASE("tables get other versions that still show what the publisher changes") {
  const std::vector<PacketBuilder::Stream> streams{{0x1B, 256}, {0x0F, 257}};
  std::vector<PacketBuilder::Stream> many;  // a section of several packets
  for (unsigned index = 0; index < 40; ++index) many.push_back({0x0F, 300 + index, Bytes(12)});
  for (const auto& tracks : {streams, many}) {
    PacketBuilder out;
    PacketBuilder expected;
    for (const unsigned version : {4U, 4U, 6U, 31U, 0U}) {
      out.tables(tracks, version);
      expected.tables(tracks, (version + 32 - 4 + 30) % 32);
    }
    CHECK(restamp(out.bytes(), 500, 30) == expected.bytes());
    CHECK(restamp(out.bytes(), 500, 30, 5) == expected.bytes());
    CHECK(restamp(expected.bytes(), 500, 4) == out.bytes());
  }
}

TEST_CASE("what makes no sense stays as it is") {
  PacketBuilder out;
  out.tables({{0x1B, 256}});
  Bytes bad_crc = out.take();
  bad_crc[20] ^= std::byte{1};
  CHECK(restamp(bad_crc, 500, 9) == bad_crc);

  out.unit({.pid = 256, .payload = Bytes(60), .pts = 2000, .dts = 1000});
  const Bytes unit = out.take();
  const std::size_t head = 188 - 79;  // the payload ends the packet
  REQUIRE(unit[head + 2] == std::byte{1});
  const auto with = [&unit](std::size_t at, unsigned value) {
    Bytes bytes = unit;
    bytes[at] = static_cast<std::byte>(value);
    return bytes;
  };
  CHECK(restamp(unit, 500, 0) != unit);
  // No sync byte, broken, scrambled; no start code, no header, no marks, no stamps, too short.
  for (const Bytes& bytes :
       {with(0, 0x46), with(1, 0xC1), with(3, 0xB0), with(head + 2, 2), with(head + 3, 0xBE),
        with(head + 6, 0), with(head + 7, 0x40), with(head + 8, 9)}) {
    CHECK(restamp(bytes, 500, 0) == bytes);
  }
  for (const Bytes& field : {test::bytes({0x10}), test::bytes({0x18})}) {
    Bytes packet = adaptation(field);
    packet[4] = static_cast<std::byte>(field.size() > 0 ? 6 : 0);  // no room for the clock
    CHECK(restamp(packet, 500, 0) == packet);
    packet[4] = std::byte{0};
    CHECK(restamp(packet, 500, 0) == packet);
    packet[4] = std::byte{255};
    CHECK(restamp(packet, 500, 0) == packet);
  }
}

TEST_CASE("a header or section that the call cuts stays and the next one is restamped") {
  PacketBuilder out;
  out.unit({.pid = 256, .payload = Bytes(60), .pts = 2000, .dts = 1000, .most = 10});
  const Bytes unit = out.take();
  const Bytes first(unit.begin(), unit.begin() + 188);
  const Bytes rest(unit.begin() + 188, unit.end());
  Rig rig;
  Restamper restamper(500, 0);
  CHECK(rig.restamp(restamper, first) == first);
  CHECK(rig.restamp(restamper, rest) == rest);
  CHECK(rig.restamp(restamper, unit) != unit);
}

TEST_CASE("lost and repeated packets in the middle of a header change nothing else") {
  PacketBuilder out;
  out.unit({.pid = 256, .payload = Bytes(60), .pts = 2000, .dts = 1000, .most = 10});
  Bytes unit = out.take();
  PacketBuilder expected;
  expected.unit({.pid = 256, .payload = Bytes(60), .pts = 2500, .dts = 1500, .most = 10});
  Bytes moved = expected.take();
  Bytes lost = unit;
  lost.erase(lost.begin() + 188, lost.begin() + 376);
  CHECK(restamp(lost, 500, 0) == lost);
  for (Bytes* bytes : {&unit, &moved}) {
    const Bytes first(bytes->begin(), bytes->begin() + 188);
    bytes->insert(bytes->begin(), first.begin(), first.end());
  }
  const Bytes repeated = restamp(unit, 500, 0);
  CHECK(Bytes(repeated.begin() + 188, repeated.end()) == Bytes(moved.begin() + 188, moved.end()));
}

TEST_CASE("only so many headers are followed at once") {
  PacketBuilder out;
  const std::size_t pids = Restamper::pending_max + 10;
  for (unsigned pid = 0; pid < pids; ++pid) {
    out.packet(256 + pid, true, test::bytes({0, 0, 1, 0xE0}));
  }
  CHECK(restamp(out.bytes(), 500, 0) == out.bytes());
}

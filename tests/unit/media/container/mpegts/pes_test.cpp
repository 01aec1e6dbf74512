#include "relay/media/container/mpegts/pes.hpp"

#include <doctest/doctest.h>

#include "relay/media/container/mpegts/packet.hpp"
#include "tests/unit/media/container/mpegts/packet_builder.hpp"
#include "tests/unit/test_cuts.hpp"

using mpegts::PesTracker;
using End = PesTracker::End;

namespace {
// The payload of a unit of one packet.
test::Bytes unit(const test::PacketBuilder::Pes& pes) {
  test::PacketBuilder out;
  out.pes(pes);
  const auto payload = mpegts::Packet(std::span(out.bytes()).first<188>()).payload();
  return {payload.begin(), payload.end()};
}
}  // namespace

TEST_CASE("a PES header reads the same wherever packets cut it") {
  const auto bytes = unit({.pid = 256,
                           .packets = 1,
                           .head = test::idr_slice(),
                           .pts = 0x1'2345'6789,
                           .dts = 0x1'2345'0000,
                           .has_length = true});
  test::at_every_cut(bytes, [&](memory::Window head, memory::Window tail) {
    PesTracker pes;
    pes.begin();
    const End first = pes.take(head.bytes(), false);
    CHECK(first == (tail.empty() ? End::length : End::none));
    std::size_t elementary = pes.elementary().size();
    if (!tail.empty()) {
      CHECK(pes.take(tail.bytes(), false) == End::length);
      elementary += pes.elementary().size();
    }
    CHECK(pes.dts() == 0x1'2345'0000);
    CHECK(elementary == bytes.size() - 19);
    CHECK(!pes.is_open());
  });
}

TEST_CASE("without dts the pts counts and both may be missing") {
  PesTracker pes;
  pes.begin();
  pes.take(unit({.pid = 256, .packets = 1, .pts = 90'000}), false);
  CHECK(pes.dts() == 90'000);
  pes.begin();
  pes.take(unit({.pid = 256, .packets = 1}), false);
  CHECK(!pes.dts());
  CHECK(pes.has_header());
}

TEST_CASE("what is no PES has no timestamps and no length") {
  PesTracker pes;
  pes.begin();
  const test::Bytes noise(184, std::byte{0xAA});
  CHECK(pes.take(noise, false) == End::none);
  CHECK(!pes.dts());
  CHECK(!pes.has_length());
}

TEST_CASE("a header that says more than it has gives no timestamps") {
  PesTracker pes;
  pes.begin();
  auto bytes = unit({.pid = 256, .packets = 1});
  bytes[7] = std::byte{0xC0};
  bytes[8] = std::byte{3};
  pes.take(bytes, false);
  CHECK(!pes.dts());
  pes.begin();
  bytes[8] = std::byte{255};
  pes.take(bytes, false);
  CHECK(!pes.has_header());
  pes.take(bytes, false);
  CHECK(pes.has_header());
  CHECK(pes.elementary().size() == 2 * bytes.size() - 264);
}

TEST_CASE("stuffing ends a unit until one goes on behind it") {
  const auto bytes = unit({.pid = 256, .packets = 1});
  PesTracker pes;
  pes.begin();
  CHECK(pes.take(bytes, false) == End::none);
  CHECK(pes.take(bytes, true) == End::stuffing);
  pes.on_loss();
  CHECK(pes.take(bytes, true) == End::stuffing);  // the unit start may have been lost
  pes.begin();
  CHECK(pes.take(bytes, true) == End::stuffing);
  CHECK(pes.take(bytes, true) == End::none);
  CHECK(pes.is_open());
  pes.begin();
  CHECK(pes.take(bytes, true) == End::none);
}

TEST_CASE("a length ends a unit until one goes on behind it") {
  const auto bytes = unit({.pid = 256, .packets = 1, .has_length = true});
  PesTracker pes;
  pes.begin();
  CHECK(pes.take(bytes, true) == End::length);
  CHECK(pes.take(bytes, false) == End::none);
  pes.begin();
  CHECK(pes.take(bytes, false) == End::none);
  CHECK(pes.take(bytes, true) == End::stuffing);
}

TEST_CASE("timestamps go on over the wrap of 33 bits in both directions") {
  constexpr std::int64_t range = std::int64_t{1} << 33;
  mpegts::TimestampUnwrap unwrap;
  CHECK(unwrap.unwrap(range - 10) == range - 10);
  CHECK(unwrap.unwrap(20) == range + 20);
  CHECK(unwrap.unwrap(range - 5) == range - 5);
  CHECK(unwrap.unwrap(5) == range + 5);
  std::int64_t expected = range + 5;
  for (int step = 0; step < 100; ++step) {
    expected += range / 3;
    CHECK(unwrap.unwrap(static_cast<std::uint64_t>(expected % range)) == expected);
  }
}

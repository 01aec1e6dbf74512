#include "relay/media/codec/frame_scanner.hpp"

#include <doctest/doctest.h>

#include "tests/unit/media/codec/bit_writer.hpp"
#include "tests/unit/test_cuts.hpp"

using codec::FrameScanner;
using media::Codec;
using Verdict = FrameScanner::Verdict;

namespace {

Verdict scan(Codec codec, const std::vector<std::byte>& frame) {
  FrameScanner scanner(codec);
  scanner.begin();
  return scanner.scan(frame);
}

// AUD, SPS of 320x180 as x264 writes it (with emulation prevention), PPS, SEI, IDR slice.
const auto idr =
    test::bytes({0,    0,    0,    1,    9,    0xF0, 0,    0, 0, 1,    0x67, 0x64, 0,    0x0D, 0xAC,
                 0xD9, 0x41, 0x41, 0x9F, 0x9E, 0x10, 0,    0, 3, 0,    0x10, 0,    0,    3,    3,
                 0x20, 0xF1, 0x42, 0x99, 0x60, 0,    0,    0, 1, 0x68, 0xEB, 0xE3, 0xCB, 0,    0,
                 1,    6,    5,    2,    6,    1,    0x80, 0, 0, 1,    0x65, 0x88, 0x84});

}  // namespace

TEST_CASE("an IDR frame is a sync frame wherever the network cuts it") {
  test::at_every_cut(idr, [](memory::Window head, memory::Window tail) {
    FrameScanner scanner(Codec::h264);
    scanner.begin();
    auto verdict = scanner.scan(head.bytes());
    if (verdict == Verdict::undecided) verdict = scanner.scan(tail.bytes());
    CHECK(verdict == Verdict::sync);
    CHECK(scanner.size() == codec::VideoSize{320, 180});
  });
}

TEST_CASE("a slice that is not its picture's first begins nothing") {
  auto part = idr;
  part[part.size() - 2] = std::byte{0x20};
  CHECK(scan(Codec::h264, part) == Verdict::not_sync);
}

TEST_CASE("a recovery point makes a sync frame of the picture behind it only") {
  FrameScanner scanner(Codec::h264);
  scanner.begin();
  CHECK(scanner.scan(test::bytes({0, 0, 1, 6, 6, 1, 0xC4, 0x80, 0, 0, 1, 0x41, 0x9A})) ==
        Verdict::sync);
  scanner.begin();
  CHECK(scanner.scan(test::bytes({0, 0, 1, 0x41, 0x9A, 0, 0, 1, 6, 6, 1, 0xC4, 0x80})) ==
        Verdict::not_sync);
  CHECK(scan(Codec::h264, test::bytes({0, 0, 1, 6, 6, 1, 0x44, 0x80, 0, 0, 1, 0x41, 0x9A})) ==
        Verdict::not_sync);
}

TEST_CASE("H.265 random access pictures are sync frames") {
  CHECK(scan(Codec::h265, test::bytes({0, 0, 1, 0x46, 1, 0x10, 0, 0, 1, 0x2A, 1, 0x80})) ==
        Verdict::sync);
  CHECK(scan(Codec::h265, test::bytes({0, 0, 1, 0x26, 1, 0x80})) == Verdict::sync);
  CHECK(scan(Codec::h265, test::bytes({0, 0, 1, 0x26, 1, 0x00})) == Verdict::not_sync);
  CHECK(scan(Codec::h265, test::bytes({0, 0, 1, 0x02, 1, 0x80})) == Verdict::not_sync);
}

TEST_CASE("a frame without a picture is given up after a bounded look") {
  FrameScanner scanner(Codec::h264);
  scanner.begin();
  const std::vector<std::byte> filler(1024, std::byte{0x55});
  for (std::size_t at = 0; at < FrameScanner::look_bytes_max; at += filler.size()) {
    REQUIRE(scanner.scan(filler) == Verdict::undecided);
  }
  CHECK(scanner.scan(filler) == Verdict::not_sync);
}

TEST_CASE("a parameter set longer than any real one is not parsed past the bound") {
  FrameScanner scanner(Codec::h264);
  scanner.begin();
  auto frame = test::bytes({0, 0, 1, 0x67, 77, 0, 31});
  frame.insert(frame.end(), 5000, std::byte{0xFF});
  const auto rest = test::bytes({0, 0, 1, 0x65, 0x88});
  frame.insert(frame.end(), rest.begin(), rest.end());
  CHECK(scanner.scan(frame) == Verdict::sync);
}

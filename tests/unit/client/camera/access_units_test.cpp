#include "client/camera/access_units.hpp"

#include <doctest/doctest.h>

#include "client/camera/nal_frames.hpp"
#include "tests/unit/client/camera/coded_frames.hpp"

namespace client::camera {

using test::annex_b;
using test::Bytes;

namespace {

const Bytes sps = test::h264_sps(20);
const Bytes pps = test::h264_pps();
const Bytes first = test::h264_idr();
const Bytes other = test::bytes({0x65, 0x21, 0x84, 0x21});
const Bytes delimiter = test::h264_delimiter();

// Hands out pictures of pieces, with the marker on the last one unless a test says otherwise.
struct Rig {
  AccessUnits units{media::Codec::h264};
  int number = 0;

  AccessUnits::Verdict add(const Bytes& piece, bool has_marker) {
    return units.add(std::chrono::milliseconds(40 * number), has_marker, piece);
  }
  void trust() {
    for (unsigned count = 0; count < AccessUnits::trusted_after; ++count, ++number) {
      CHECK_FALSE(add(annex_b({first}), true).completes);
    }
    CHECK(add(annex_b({first}), true).completes);
    ++number;
  }
};

Bytes joined(const std::vector<AccessUnits::Bytes>& parts) {
  Bytes out;
  for (const auto part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

}  // namespace

TEST_CASE_FIXTURE(Rig, "pieces of the same time are one picture until the marker is believed") {
  CHECK_FALSE(add(annex_b({delimiter, sps, pps, first}), false).continues);
  CHECK(add(annex_b({sps, pps, other}), false).continues);
  CHECK(add(annex_b({sps, pps, other}), true).continues);
  ++number;
  CHECK_FALSE(add(annex_b({first}), true).continues);
}

TEST_CASE_FIXTURE(Rig, "what stands before the first slice may come in pieces") {
  CHECK_FALSE(add(annex_b({delimiter}), true).continues);
  CHECK_FALSE(add(annex_b({sps}), true).is_behind_slice);
  const auto begin = add(annex_b({pps, first}), true);
  CHECK(begin.continues);
  CHECK_FALSE(begin.is_behind_slice);
  CHECK(add(annex_b({sps, other}), true).is_behind_slice);
}

TEST_CASE_FIXTURE(Rig, "a marker that was right a few times ends a picture at once") {
  trust();
  CHECK_FALSE(add(annex_b({first}), false).completes);
  const auto last = add(annex_b({other}), true);
  CHECK(last.continues);
  CHECK(last.completes);
}

TEST_CASE_FIXTURE(Rig, "a picture whose marker is lost ends with the next one") {
  trust();
  CHECK_FALSE(add(annex_b({first, other}), false).completes);
  ++number;
  const auto next = add(annex_b({first}), true);
  CHECK_FALSE(next.continues);
  CHECK(next.completes);
}

TEST_CASE_FIXTURE(Rig, "a marker that was wrong once is never believed again") {
  trust();
  CHECK(add(annex_b({first}), true).completes);
  CHECK_FALSE(add(annex_b({other}), true).continues);  // too late for this one
  ++number;
  for (unsigned count = 0; count < 2 * AccessUnits::trusted_after; ++count, ++number) {
    CHECK_FALSE(add(annex_b({first}), true).completes);
    CHECK(add(annex_b({other}), true).continues);
  }
}

TEST_CASE_FIXTURE(Rig, "a second field at the same time is a picture of its own") {
  CHECK_FALSE(add(annex_b({first, other}), true).continues);
  CHECK_FALSE(add(annex_b({delimiter, first, other}), true).continues);
}

TEST_CASE_FIXTURE(Rig, "what has no time is complete") {
  CHECK(units.add(std::nullopt, false, annex_b({first})).completes);
  CHECK_FALSE(units.add(std::nullopt, false, annex_b({other})).continues);
}

TEST_CASE_FIXTURE(Rig, "a picture that is too large is not put together any further") {
  Bytes large = annex_b({other});
  large.resize(AccessUnits::bytes_max / 2, std::byte{0xFF});
  CHECK_FALSE(add(large, false).continues);
  CHECK(add(large, false).continues);
  CHECK_FALSE(add(large, false).continues);
}

TEST_CASE("between slices there are no parameter sets and no delimiters") {
  const AccessUnits h264(media::Codec::h264);
  const Bytes piece = annex_b({delimiter, sps, pps, other, other});
  const Bytes slices = joined(h264.slices_of(piece));
  NalFrames frames(media::Codec::h264);
  Bytes out;
  REQUIRE(frames.convert(slices, out));
  CHECK(out == test::with_lengths({other, other}));

  const AccessUnits h265(media::Codec::h265);
  const Bytes vps = test::bytes({0x40, 1, 1});
  const Bytes segment = test::bytes({0x26, 1, 0x20, 1});  // IDR, not the first
  CHECK(joined(h265.slices_of(annex_b({vps, segment}))).size() == 3 + segment.size());
}

TEST_CASE("parameter sets that make no sense are found") {
  const AccessUnits h264(media::Codec::h264);
  CHECK_FALSE(h264.has_broken_sets(annex_b({delimiter, sps, pps, first})));
  CHECK_FALSE(h264.has_broken_sets(annex_b({first, other})));
  CHECK(h264.has_broken_sets(annex_b({delimiter, test::bytes({0x67}), pps, first})));
  CHECK(h264.has_broken_sets(
      annex_b({sps, test::bytes({0x67, 77, 0, 0, 3, 0, 0, 3, 0, 0, 3, 0, 0x80})})));
  const AccessUnits h265(media::Codec::h265);
  CHECK(h265.has_broken_sets(annex_b({test::bytes({0x42})})));
  CHECK(h265.has_broken_sets(annex_b({test::bytes({0x42, 1, 0xFF, 0xFF})})));
  CHECK_FALSE(h265.has_broken_sets(annex_b({test::bytes({0x26, 1, 0xA0, 1})})));
}

TEST_CASE("segments of H.265 are told by their flag") {
  AccessUnits units(media::Codec::h265);
  const Bytes begin = annex_b({test::bytes({0x26, 1, 0xA0, 1})});
  const Bytes more = annex_b({test::bytes({0x26, 1, 0x20, 1})});
  CHECK_FALSE(units.add(base::Duration{}, false, begin).continues);
  CHECK(units.add(base::Duration{}, false, more).continues);
  CHECK_FALSE(units.add(base::Duration{}, false, begin).continues);
}

}  // namespace client::camera

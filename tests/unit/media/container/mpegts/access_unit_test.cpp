#include "relay/media/container/mpegts/access_unit.hpp"

#include <doctest/doctest.h>

#include "tests/unit/media/container/mpegts/payload_rig.hpp"

using media::Codec;
using mpegts::AccessUnit;
using test::annex_b;
using test::Bytes;
using test::join;
using test::nal;

namespace {

const Bytes h264_aud = annex_b(nal({0x09, 0xF0}, 2));
const Bytes h265_aud = annex_b(nal({0x46, 0x01, 0x50}, 3));

Bytes converted(const Bytes& bytes, Codec codec, std::size_t step = 1 << 15) {
  test::PayloadRig rig;
  const auto payload = rig.list(bytes, step);
  const AccessUnit unit(payload, codec);
  if (unit.bytes() == 0) return {};
  mpegts::PacketWriter out(rig.pool);
  mpegts::Counter counter = mpegts::counter_before_first;
  mpegts::UnitHead head;
  head.pid = 0x100;
  head.bytes = unit.bytes();
  out.begin(head, counter);
  unit.write(out);
  const auto packets = out.take();
  REQUIRE(packets.has_value());
  return test::payload_of(test::gather(*packets), 0x100);
}

}  // namespace

TEST_CASE("a picture gets start codes and a delimiter however its windows are cut") {
  const Bytes sps = nal({0x67}, 20);
  const Bytes slice = nal({0x65}, 500);
  const Bytes bytes = join({sps, slice});
  const Bytes expected = join({h264_aud, annex_b(sps), annex_b(slice)});
  for (const std::size_t step : {1U, 2U, 3U, 5U, 24U, 187U, 1000U}) {
    CHECK(converted(bytes, Codec::h264, step) == expected);
  }
  const Bytes vps = nal({0x40, 1}, 9);
  const Bytes idr = nal({0x26, 1}, 300);
  CHECK(converted(join({vps, idr}), Codec::h265) == join({h265_aud, annex_b(vps), annex_b(idr)}));
}

TEST_CASE("a delimiter of the sample itself comes first and only once") {
  const Bytes own = nal({0x09, 0x10}, 2);
  const Bytes slice = nal({0x41}, 30);
  CHECK(converted(join({own, slice}), Codec::h264) == join({annex_b(own), annex_b(slice)}));
  CHECK(converted(join({slice, own, slice, nal({0x09, 0x30}, 2)}), Codec::h264) ==
        join({annex_b(own), annex_b(slice), annex_b(slice)}));
  const Bytes h265 = nal({0x46, 0x01, 0x10}, 3);
  const Bytes trail = nal({0x02, 0x01}, 30);
  CHECK(converted(join({h265, trail}), Codec::h265) == join({annex_b(h265), annex_b(trail)}));
}

TEST_CASE("what is no whole NAL unit is left out") {
  const Bytes sps = nal({0x67}, 20);
  const Bytes slice = nal({0x65}, 40);
  const Bytes bytes = join({sps, slice});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK(converted(cut, Codec::h264) ==
          (size < sps.size() ? Bytes{} : join({h264_aud, annex_b(sps)})));
  }
  const Bytes none(4);
  CHECK(converted(join({none, slice, none}), Codec::h264) == join({h264_aud, annex_b(slice)}));
  CHECK(converted(nal({0x09, 0xF0}, 2), Codec::h264).empty());
}

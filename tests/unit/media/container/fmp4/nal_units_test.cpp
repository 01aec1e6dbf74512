#include "relay/media/container/fmp4/nal_units.hpp"

#include <doctest/doctest.h>

#include "relay/media/codec/h264_config.hpp"
#include "relay/media/container/fmp4/errc.hpp"
#include "relay/memory/errc.hpp"
#include "tests/unit/media/container/fmp4/arena_rig.hpp"

using fmp4::Errc;
using fmp4::NalFormat;
using fmp4::NalUnits;
using media::Codec;
using test::ArenaRig;
using test::Bytes;
using test::Fields;

namespace {

const Bytes aud = Fields().u16(0x09F0).bytes;
const Bytes sei = Fields().u24(0x060501).bytes;
const Bytes idr = Fields().u32(0x65888401).bytes;
const Bytes slice = Fields().u32(0x41888401).bytes;

Bytes units(unsigned length_bytes, std::initializer_list<Bytes> list) {
  Fields out;
  for (const Bytes& unit : list) {
    if (length_bytes == 1) out.u8(unit.size());
    if (length_bytes == 2) out.u16(unit.size());
    if (length_bytes == 4) out.u32(unit.size());
    out.add(unit);
  }
  return out.bytes;
}

NalFormat h264_format(unsigned length_bytes = 4) {
  return {Codec::h264, length_bytes, units(4, {test::sps(), test::pps()})};
}

struct Rig : ArenaRig {
  explicit Rig(NalFormat format) : nal_units(std::move(format)) {}
  base::Result<Bytes> convert(const Bytes& payload, bool is_sync, std::size_t step = 1 << 20) {
    auto list = receive_all(payload, step);
    if (auto converted = nal_units.convert(list, is_sync, headers); !converted) {
      CHECK(test::gather(list) == payload);
      return converted.error();
    }
    windows = list.count();
    return test::gather(list);
  }
  NalUnits nal_units;
  memory::BlockWriter headers{pool};
  std::size_t windows = 0;
};

}  // namespace

TEST_CASE("a sync sample gets the parameter sets of its configuration") {
  Rig rig(h264_format());
  CHECK(rig.convert(units(4, {idr, idr}), true).value() ==
        units(4, {test::sps(), test::pps(), idr, idr}));
  CHECK(rig.windows == 2);
  CHECK(rig.convert(units(4, {sei, idr}), true).value() ==
        units(4, {test::sps(), test::pps(), sei, idr}));
}

TEST_CASE("a sample that is not sync stays as it is") {
  Rig rig(h264_format());
  CHECK(rig.convert(units(4, {slice, slice}), false).value() == units(4, {slice, slice}));
  CHECK(rig.windows == 1);
}

TEST_CASE("a sync sample with its own parameter sets stays as it is") {
  Rig rig(h264_format());
  const Bytes own = units(4, {aud, test::sps(), test::pps(), sei, idr});
  CHECK(rig.convert(own, true).value() == own);
}

TEST_CASE("parameter sets that are not all there or come late do not count") {
  Rig rig(h264_format());
  CHECK(rig.convert(units(4, {test::pps(), idr}), true).value() ==
        units(4, {test::sps(), test::pps(), test::pps(), idr}));
  CHECK(rig.convert(units(4, {idr, test::sps(), test::pps()}), true).value() ==
        units(4, {test::sps(), test::pps(), idr, test::sps(), test::pps()}));
}

TEST_CASE("an access unit delimiter stays first") {
  Rig rig(h264_format());
  CHECK(rig.convert(units(4, {aud, idr}), true).value() ==
        units(4, {aud, test::sps(), test::pps(), idr}));
  CHECK(rig.windows == 3);
}

TEST_CASE("lengths of one and two bytes become four wherever the network cuts") {
  for (const unsigned length_bytes : {1U, 2U}) {
    for (const std::size_t step : {1U, 2U, 3U, 5U, 100U}) {
      Rig rig(h264_format(length_bytes));
      CHECK(rig.convert(units(length_bytes, {slice, {}, slice, sei}), false, step).value() ==
            units(4, {slice, {}, slice, sei}));
      CHECK(rig.convert(units(length_bytes, {aud, idr, idr}), true, step).value() ==
            units(4, {aud, test::sps(), test::pps(), idr, idr}));
    }
  }
}

TEST_CASE("lengths across windows are read") {
  for (const std::size_t step : {1U, 2U, 3U, 5U, 100U}) {
    Rig rig(h264_format());
    CHECK(rig.convert(units(4, {aud, idr, idr}), true, step).value() ==
          units(4, {aud, test::sps(), test::pps(), idr, idr}));
  }
}

TEST_CASE("lengths that do not add up are refused") {
  for (const unsigned length_bytes : {1U, 2U, 4U}) {
    Rig rig(h264_format(length_bytes));
    const Bytes whole = units(length_bytes, {slice, slice});
    CHECK(rig.convert(whole, false).has_value());
    for (std::size_t size = 1; size < whole.size(); ++size) {
      const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      if (size == length_bytes + slice.size()) continue;
      CHECK(rig.convert(cut, false).error() == Errc::bad_nal_units);
    }
  }
  Rig rig(h264_format());
  CHECK(rig.convert(Fields().u32(0xFFFFFFFF).u32(0).bytes, true).error() == Errc::bad_nal_units);
}

TEST_CASE("more than 4096 NAL units are refused") {
  Rig rig(h264_format(1));
  CHECK(rig.convert(Bytes(4096), false)->size() == 4 * 4096);
  CHECK(rig.convert(Bytes(4097), false).error() == Errc::bad_nal_units);
}

TEST_CASE("a full arena is reported and the sample is what it was") {
  Rig rig(h264_format(2));
  const Bytes payload = units(2, {idr});
  auto list = rig.receive_all(payload);
  std::vector<memory::BlockHold*> taken;
  while (auto block = rig.pool.take()) taken.push_back(*block);
  CHECK(rig.nal_units.convert(list, true, rig.headers).error() == memory::Errc::arena_full);
  CHECK(rig.nal_units.convert(list, false, rig.headers).error() == memory::Errc::arena_full);
  CHECK(test::gather(list) == payload);
  for (memory::BlockHold* block : taken) memory::BlockPool::release(block);
  REQUIRE(rig.nal_units.convert(list, true, rig.headers));
  CHECK(test::gather(list) == units(4, {test::sps(), test::pps(), idr}));
}

TEST_CASE("H.265 needs three kinds of parameter sets") {
  const Bytes vps = Fields().u24(0x400101).bytes;
  const Bytes sps = Fields().u24(0x420101).bytes;
  const Bytes pps = Fields().u24(0x440101).bytes;
  const Bytes delimiter = Fields().u24(0x460150).bytes;
  const Bytes cra = Fields().u32(0x2A01AABB).bytes;
  Rig rig({Codec::h265, 4, units(4, {vps, sps, pps})});
  CHECK(rig.convert(units(4, {cra}), true).value() == units(4, {vps, sps, pps, cra}));
  CHECK(rig.convert(units(4, {delimiter, cra}), true).value() ==
        units(4, {delimiter, vps, sps, pps, cra}));
  CHECK(rig.convert(units(4, {sps, pps, cra}), true).value() ==
        units(4, {vps, sps, pps, sps, pps, cra}));
  CHECK(rig.convert(units(4, {vps, sps, pps, cra}), true).value() ==
        units(4, {vps, sps, pps, cra}));
}

TEST_CASE("a configuration is made from the parameter sets of a sample") {
  ArenaRig rig;
  const NalUnits nal_units({Codec::h264, 4, {}});
  const auto record =
      nal_units.copy_config(rig.receive_all(units(4, {aud, test::sps(), test::pps(), idr}), 3));
  REQUIRE(record);
  const auto config = codec::h264::parse_config(*record);
  REQUIRE(config);
  CHECK(config->sps == std::vector<Bytes>{test::sps()});
  CHECK(config->pps == std::vector<Bytes>{test::pps()});
  CHECK_FALSE(nal_units.copy_config(rig.receive_all(units(4, {aud, test::sps(), idr}))));
  CHECK_FALSE(nal_units.copy_config(rig.receive_all(units(4, {idr, test::sps(), test::pps()}))));
  CHECK_FALSE(nal_units.copy_config(
      rig.receive_all(units(4, {Bytes(5000), test::sps(), test::pps(), idr}))));
}

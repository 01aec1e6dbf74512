#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "tests/unit/media/codec/bit_writer.hpp"

// Frames as small as they can be.
namespace test {

using Bytes = std::vector<std::byte>;

inline Bytes h264_sps(unsigned width_mbs, unsigned id = 0) {
  BitWriter bits;
  bits.bits(0x67, 8).bits(77, 8).bits(0, 8).bits(30, 8).ue(id).ue(2).ue(2).ue(1).bits(0, 1);
  bits.ue(width_mbs - 1).ue(9).bits(1, 1);
  return bits.bits(1, 1).bits(0, 2).end();
}
inline Bytes h264_pps(unsigned id = 0, unsigned sps_id = 0) {
  return BitWriter().bits(0x68, 8).ue(id).ue(sps_id).bits(0, 2).ue(0).end();
}
inline Bytes h264_idr() { return bytes({0x65, 0x88, 0x84, 0x21}); }
inline Bytes h264_slice() { return bytes({0x41, 0x9A, 0x02, 0x03}); }
inline Bytes h264_delimiter() { return bytes({0x09, 0xF0}); }

/// Behind start codes; those of three and of four bytes are as good.
inline Bytes annex_b(std::initializer_list<Bytes> units) {
  Bytes out;
  for (const Bytes& unit : units) {
    if (out.size() % 2 == 0) out.push_back(std::byte{0});
    const Bytes code = bytes({0, 0, 1});
    out.insert(out.end(), code.begin(), code.end());
    out.insert(out.end(), unit.begin(), unit.end());
  }
  return out;
}
/// Behind lengths.
inline Bytes with_lengths(std::initializer_list<Bytes> units) {
  Bytes out;
  for (const Bytes& unit : units) {
    const Bytes length = bytes({0, 0, 0, static_cast<unsigned>(unit.size())});
    out.insert(out.end(), length.begin(), length.end());
    out.insert(out.end(), unit.begin(), unit.end());
  }
  return out;
}

}  // namespace test

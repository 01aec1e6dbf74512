#pragma once

#include <initializer_list>

#include "tests/unit/media/codec/bit_writer.hpp"
#include "tests/unit/media/container/mpegts/packet_builder.hpp"

/// Elementary streams by hand.
namespace test {

inline Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

/// NAL units as Annex B has them, and as MP4 has them.
inline Bytes annexb(std::initializer_list<Bytes> nals) {
  Bytes out;
  for (const Bytes& nal : nals) out = out + bytes({0, 0, 0, 1}) + nal;
  return out;
}
inline Bytes lengths(std::initializer_list<Bytes> nals) {
  Bytes out;
  for (const Bytes& nal : nals) {
    const auto size = static_cast<unsigned>(nal.size());
    out = out + bytes({size >> 24, size >> 16 & 0xFF, size >> 8 & 0xFF, size & 0xFF}) + nal;
  }
  return out;
}

/// H.264, Main profile; `id` of the parameter sets; four bits of frame_num.
inline Bytes h264_sps(unsigned width_mbs = 20, bool is_interlaced = false, unsigned id = 0) {
  BitWriter bits;
  bits.bits(0x67, 8).bits(77, 8).bits(0, 8).bits(30, 8).ue(id);
  bits.ue(0).ue(2);  // log2_max_frame_num_minus4, pic_order_cnt_type
  bits.ue(1).bits(0, 1).ue(width_mbs - 1).ue(9);
  bits.bits(is_interlaced ? 0 : 1, 1);
  if (is_interlaced) bits.bits(0, 1);
  return bits.bits(1, 1).bits(0, 1).bits(0, 1).end();
}
inline Bytes h264_pps(unsigned id = 0, unsigned sps_id = 0) {
  return BitWriter().bits(0x68, 8).ue(id).ue(sps_id).bits(0, 2).ue(0).end();
}
inline Bytes h264_aud() { return bytes({0x09, 0xF0}); }
inline Bytes filler() { return bytes({0x0C, 0xFF, 0xFF, 0x80}); }
/// Recovery point, recovery_frame_cnt 0.
inline Bytes recovery_point() { return bytes({0x06, 0x06, 0x01, 0xC4, 0x80}); }

struct Slice {
  unsigned header = 0x41;  ///< 0x65: IDR
  unsigned first_mb = 0;
  unsigned frame_num = 0;
  int field = -1;  ///< -1: a frame (and no flag in the syntax), 0: frame, 1: top, 2: bottom
  std::size_t size = 40;
};
inline Bytes h264_slice(const Slice& slice) {
  BitWriter bits;
  bits.bits(slice.header, 8).ue(slice.first_mb).ue(7).ue(0).bits(slice.frame_num, 4);
  if (slice.field >= 0) bits.bits(slice.field > 0 ? 1 : 0, 1);
  if (slice.field > 0) bits.bits(slice.field == 2 ? 1 : 0, 1);
  Bytes out = bits.end();
  while (out.size() < slice.size) out.push_back(static_cast<std::byte>(out.size() % 251 + 3));
  return out;
}

/// An ADTS frame, AAC-LC: 48 kHz (3) or 44.1 kHz (4), two channels.
inline Bytes adts_frame(std::size_t payload, unsigned value, unsigned rate_index = 3) {
  const auto size = static_cast<unsigned>(payload + 7);
  Bytes out = bytes({0xFF, 0xF1, 0x40 | rate_index << 2, 0x80 | size >> 11, size >> 3 & 0xFF,
                     (size & 7) << 5 | 0x1F, 0xFC});
  out.resize(size, static_cast<std::byte>(value));
  return out;
}

}  // namespace test

#include "relay/media/container/mpegts/pes_header.hpp"

namespace mpegts {

// start code 24, stream_id 8, PES_packet_length 16 | 10, scrambling 2, priority 1, alignment 1,
// copyright 1, original 1 | PTS and DTS 2, others 6 | PES_header_data_length 8 | stamps | stuffing
PesHeader::PesHeader(const Facts& facts) noexcept {
  const unsigned data_bytes = (facts.dts ? 10U : 5U) + (facts.is_padded ? 1U : 0U);
  const std::size_t length = 3 + data_bytes + facts.payload_bytes;
  has_length_ = length <= 0xFFFF;
  put(0);
  put(0);
  put(1);
  put(facts.stream_id);
  put(has_length_ ? static_cast<unsigned>(length) >> 8 : 0);
  put(has_length_ ? static_cast<unsigned>(length) : 0);
  // A picture begins right behind the header.
  put(facts.stream_id == video_id ? 0x84 : 0x80);
  put(facts.dts ? 0xC0 : 0x80);
  put(data_bytes);
  put_stamp(facts.dts ? 3 : 2, facts.pts);
  if (facts.dts) put_stamp(1, *facts.dts);
  if (facts.is_padded) put(0xFF);
}

// prefix 4, bits 32 to 30, marker 1 | bits 29 to 15, marker 1 | bits 14 to 0, marker 1
void PesHeader::put_stamp(unsigned prefix, std::int64_t stamp) noexcept {
  const auto bits = static_cast<std::uint64_t>(stamp);
  const auto high = static_cast<unsigned>(bits >> 30 & 7);
  const auto middle = static_cast<unsigned>(bits >> 15 & 0x7FFF);
  const auto low = static_cast<unsigned>(bits & 0x7FFF);
  put(prefix << 4 | high << 1 | 1);
  put(middle >> 7);
  put(middle << 1 | 1);
  put(low >> 7);
  put(low << 1 | 1);
}

}  // namespace mpegts

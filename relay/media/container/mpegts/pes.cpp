#include "relay/media/container/mpegts/pes.hpp"

#include <algorithm>

#include "relay/base/byte_reader.hpp"
#include "relay/media/container/mpegts/stamp.hpp"

namespace mpegts {

std::int64_t TimestampUnwrap::unwrap(std::uint64_t stamp) noexcept {
  const auto value = static_cast<std::int64_t>(stamp) & (stamp_range - 1);
  return *(last_ = last_ ? mpegts::unwrap(value, *last_) : value);
}

void PesTracker::begin() noexcept {
  is_lie_ = is_lie_ || (state_ == State::open && has_length() && !is_lost_);
  state_ = State::open;
  part_ = Part::head;
  is_lost_ = false;
  have_ = 0;
  skip_ = 0;
  unit_bytes_ = 0;
  seen_bytes_ = 0;
  pts_.reset();
  dts_.reset();
}

PesTracker::End PesTracker::take(std::span<const std::byte> payload, bool is_stuffed) noexcept {
  elementary_ = {};
  if (payload.empty() || state_ == State::none) return End::none;
  if (state_ != State::open) reopen();
  seen_bytes_ += static_cast<std::uint32_t>(payload.size());
  elementary_ = part_ == Part::body ? payload : take_header(payload);
  if (has_length()) {
    if (seen_bytes_ < unit_bytes_) return End::none;
    state_ = State::ended_by_length;
    return End::length;
  }
  if (is_stuffed && trusts_stuffing_) {
    state_ = State::ended_by_stuffing;
    return End::stuffing;
  }
  return End::none;
}

// A unit goes on after its end: this PID's muxer pads inside units, or tells lengths modulo 64 KiB.
void PesTracker::reopen() noexcept {
  if (!is_lost_) {
    if (state_ == State::ended_by_length) {
      trusts_length_ = false;
      is_lie_ = true;
    }
    if (state_ == State::ended_by_stuffing) trusts_stuffing_ = false;
  }
  state_ = State::open;
}

std::span<const std::byte> PesTracker::take_header(std::span<const std::byte> payload) noexcept {
  if (part_ == Part::head) {
    if (!gather(payload, head_bytes)) return {};
    parse_head();
  }
  if (part_ == Part::stamps) {
    const std::size_t wanted = std::min<std::size_t>(header_end_, stamps_end);
    if (!gather(payload, wanted)) return {};
    parse_stamps();
    skip_ = static_cast<std::uint16_t>(header_end_ - wanted);
    part_ = Part::skip;
  }
  if (part_ == Part::skip) {
    const std::size_t skipped = std::min<std::size_t>(skip_, payload.size());
    payload = payload.subspan(skipped);
    skip_ = static_cast<std::uint16_t>(skip_ - skipped);
    if (skip_ == 0) part_ = Part::body;
  }
  return payload;
}

bool PesTracker::gather(std::span<const std::byte>& payload, std::size_t upto) noexcept {
  const std::size_t count = std::min(upto - have_, payload.size());
  std::copy_n(payload.begin(), count, header_.begin() + have_);
  have_ = static_cast<std::uint16_t>(have_ + count);
  payload = payload.subspan(count);
  return have_ == upto;
}

// start code 24, stream_id 8, PES_packet_length 16, flags 16 (PTS and DTS: the second byte's top
// two bits), PES_header_data_length 8
void PesTracker::parse_head() noexcept {
  base::ByteReader in(header_);
  const std::uint32_t prefix = in.u24();
  const std::uint8_t stream_id = in.u8();
  const std::uint16_t length = in.u16();
  is_lie_ = is_lie_ || prefix != 1;
  if (prefix != 1 || !has_pes_header(stream_id)) {
    // No PES with a header, or scrambled: its bytes are passed on, nothing is read from them.
    part_ = Part::body;
    return;
  }
  if (length > 0) unit_bytes_ = 6U + length;
  in.u16();
  header_end_ = static_cast<std::uint16_t>(head_bytes + in.u8());
  part_ = Part::stamps;
}

void PesTracker::parse_stamps() noexcept {
  const auto stamps = std::span<const std::byte>(header_).subspan(head_bytes);
  const auto flags = std::to_integer<unsigned>(header_[7]) >> 6;
  if (flags < 2 || have_ < head_bytes + stamp_bytes) return;
  if (flags == 3 && have_ < head_bytes + 2 * stamp_bytes) return;
  pts_ = read_stamp(stamps.first<stamp_bytes>());
  dts_ = flags == 3 ? read_stamp(stamps.subspan<stamp_bytes, stamp_bytes>()) : pts_;
}

}  // namespace mpegts

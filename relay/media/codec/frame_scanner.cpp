#include "relay/media/codec/frame_scanner.hpp"

#include "relay/media/codec/h265.hpp"

namespace codec {

void FrameScanner::begin() noexcept {
  verdict_ = Verdict::undecided;
  nal_ = Nal::none;
  has_recovery_point_ = false;
  looked_ = 0;
  walk_.begin();
}

FrameScanner::Verdict FrameScanner::scan(std::span<const std::byte> bytes) noexcept {
  looked_ += bytes.size();
  if (!walk_.walk(bytes, *this) && looked_ > look_bytes_max) give_up();
  return verdict_;
}

void FrameScanner::give_up() noexcept {
  if (verdict_ == Verdict::undecided) verdict_ = Verdict::not_sync;
}

void FrameScanner::on_start() noexcept {
  if (nal_ == Nal::sps) parse_sps();
  nal_ = Nal::none;
  header_bytes_left_ = codec_ == media::Codec::h265 ? 2 : 1;
}

bool FrameScanner::on_byte(std::byte byte) noexcept {
  if (header_bytes_left_ > 0) {
    if (nal_ == Nal::none) begin_nal(byte);
    --header_bytes_left_;
    return false;
  }
  switch (nal_) {
    case Nal::vcl:
      return decide(byte);
    case Nal::sei:
      sei_.on_byte(byte);
      break;
    case Nal::sps:
      if (sps_bytes_ < sps_.size()) sps_[sps_bytes_++] = byte;
      break;
    case Nal::other:
    case Nal::none:
      break;
  }
  has_recovery_point_ = has_recovery_point_ || (nal_ == Nal::sei && sei_.has_recovery_point());
  return false;
}

void FrameScanner::begin_nal(std::byte header) noexcept {
  nal_ = Nal::other;
  if (codec_ == media::Codec::h265) {
    const auto type = h265::nal_type(header);
    is_sync_nal_ = h265::is_irap(type);
    if (h265::is_vcl(type)) nal_ = Nal::vcl;
    if (type == h265::NalType::sps) nal_ = Nal::sps;
  } else {
    const auto type = h264::nal_type(header);
    is_sync_nal_ = type == h264::NalType::idr_slice;
    if (h264::is_vcl(type)) nal_ = Nal::vcl;
    if (type == h264::NalType::sps) nal_ = Nal::sps;
    if (type == h264::NalType::sei) nal_ = Nal::sei;
  }
  sps_bytes_ = 0;
  sei_ = {};
}

// The first bit of a slice header says that the slice is its picture's first (H.264:
// first_mb_in_slice is ue(v) 0): one that is not begins in the middle, as when a PES holds a part
// of a frame.
bool FrameScanner::decide(std::byte slice_header) noexcept {
  const bool is_first_slice = (slice_header & std::byte{0x80}) != std::byte{0};
  const bool is_sync = is_first_slice && (is_sync_nal_ || has_recovery_point_);
  verdict_ = is_sync ? Verdict::sync : Verdict::not_sync;
  return true;
}

void FrameScanner::parse_sps() noexcept {
  const auto rbsp = std::span(sps_).first(sps_bytes_);
  const auto size = codec_ == media::Codec::h265 ? h265::parse_sps(rbsp) : h264::parse_sps(rbsp);
  if (size) size_ = size;
}

}  // namespace codec

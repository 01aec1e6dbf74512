#include "client/camera/access_units.hpp"

#include <algorithm>

#include "relay/media/codec/annexb.hpp"
#include "relay/media/codec/h264.hpp"
#include "relay/media/codec/h265.hpp"

namespace client::camera {
namespace {

constexpr std::size_t start_code_bytes = 3;

// Calls `visit(unit, begin)` for each NAL unit, with where its start code begins, until that
// returns false.
template <class Visit>
void walk(std::span<const std::byte> piece, Visit&& visit) {
  std::size_t at = codec::find_start_code(piece);
  while (at < piece.size()) {
    const auto rest = piece.subspan(at + start_code_bytes);
    const std::size_t length = codec::find_start_code(rest);
    if (length > 0 && !visit(rest.first(length), at)) return;
    at += start_code_bytes + length;
  }
}

}  // namespace

// A slice header begins with first_mb_in_slice as ue(v), of H.265 with
// first_slice_segment_in_pic_flag: either way a bit that is set stands for the first.
AccessUnits::Kind AccessUnits::kind_of(Bytes unit) const noexcept {
  const bool is_h265 = codec_ == media::Codec::h265;
  const std::size_t header_bytes = is_h265 ? 2 : 1;
  if (unit.size() <= header_bytes) return Kind::other;
  const bool is_first = (std::to_integer<unsigned>(unit[header_bytes]) & 0x80) != 0;
  if (is_h265) {
    const auto type = codec::h265::nal_type(unit[0]);
    if (is_vcl(type)) return is_first ? Kind::first_slice : Kind::other_slice;
    const bool is_head = type >= codec::h265::NalType::vps && type <= codec::h265::NalType::aud;
    return is_head ? Kind::head : Kind::other;
  }
  const auto type = codec::h264::nal_type(unit[0]);
  if (type == codec::h264::NalType::slice || type == codec::h264::NalType::idr_slice) {
    return is_first ? Kind::first_slice : Kind::other_slice;
  }
  const bool is_head = type >= codec::h264::NalType::sps && type <= codec::h264::NalType::aud;
  return is_head ? Kind::head : Kind::other;
}

std::optional<AccessUnits::Kind> AccessUnits::first_slice_of(Bytes piece) const noexcept {
  std::optional<Kind> found;
  walk(piece, [&](Bytes unit, std::size_t) {
    const Kind kind = kind_of(unit);
    if (kind == Kind::first_slice || kind == Kind::other_slice) found = kind;
    return !found;
  });
  return found;
}

void AccessUnits::finish() noexcept {
  // One that is missing may be lost.
  if (!is_out_ && has_marker_) right_ = std::min(right_ + 1, trusted_after);
}

AccessUnits::Verdict AccessUnits::add(std::optional<base::Duration> pts, bool has_marker,
                                      Bytes piece) {
  const auto slice = first_slice_of(piece);
  const bool is_same_time = pts && pts_ == pts;
  const bool is_other_picture = has_slice_ && slice == Kind::first_slice;
  const bool continues = is_same_time && !is_other_picture;
  if (continues && has_marker_) is_wrong_ = true;  // it was no end
  Verdict verdict;
  verdict.continues = continues && !is_out_ && bytes_ + piece.size() <= bytes_max;
  verdict.is_behind_slice = verdict.continues && has_slice_;
  if (!verdict.continues) {
    if (!continues) finish();
    bytes_ = 0;
    has_slice_ = false;
  }
  pts_ = pts;
  bytes_ += piece.size();
  has_slice_ = has_slice_ || slice;
  has_marker_ = has_marker;
  is_out_ = verdict.completes = !pts || (has_marker && !is_wrong_ && right_ >= trusted_after);
  return verdict;
}

std::vector<AccessUnits::Bytes> AccessUnits::slices_of(Bytes piece) const {
  std::vector<Bytes> parts;
  walk(piece, [&](Bytes unit, std::size_t begin) {
    if (kind_of(unit) != Kind::head) {
      parts.push_back(piece.subspan(begin, start_code_bytes + unit.size()));
    }
    return true;
  });
  return parts;
}

bool AccessUnits::has_broken_sets(Bytes piece) const {
  bool is_broken = false;
  walk(piece, [&](Bytes unit, std::size_t) {
    if (codec_ == media::Codec::h265) {
      if (codec::h265::nal_type(unit[0]) != codec::h265::NalType::sps) return true;
      const Bytes set = unit.subspan(std::min<std::size_t>(unit.size(), 2));
      is_broken = !codec::h265::parse_sps(codec::copy_without_emulation(set));
    } else if (codec::h264::nal_type(unit[0]) == codec::h264::NalType::sps) {
      is_broken = !codec::h264::parse_sps(codec::copy_without_emulation(unit.subspan(1)));
    }
    return !is_broken;
  });
  return is_broken;
}

}  // namespace client::camera

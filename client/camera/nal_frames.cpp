#include "client/camera/nal_frames.hpp"

#include <algorithm>
#include <array>

#include "relay/media/codec/annexb.hpp"
#include "relay/media/codec/h264.hpp"
#include "relay/media/codec/h265.hpp"

namespace client::camera {
namespace {

using Bytes = std::span<const std::byte>;

void append(std::vector<std::byte>& out, Bytes bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void append_unit(std::vector<std::byte>& out, Bytes unit) {
  for (unsigned shift = 32; shift > 0; shift -= 8) {
    out.push_back(static_cast<std::byte>(unit.size() >> (shift - 8)));
  }
  append(out, unit);
}

}  // namespace

NalFrames::NalFrames(media::Codec codec) noexcept : codec_(codec), sets_(codec), scanner_(codec) {}

bool NalFrames::is_delimiter(std::byte header) const noexcept {
  if (codec_ == media::Codec::h265) {
    return codec::h265::nal_type(header) == codec::h265::NalType::aud;
  }
  return codec::h264::nal_type(header) == codec::h264::NalType::aud;
}

bool NalFrames::is_picture(std::byte header) const noexcept {
  if (codec_ == media::Codec::h265) return is_vcl(codec::h265::nal_type(header));
  return is_vcl(codec::h264::nal_type(header));
}

void NalFrames::cut(Bytes access_unit) {
  units_.clear();
  std::size_t at = codec::find_start_code(access_unit);
  while (at < access_unit.size()) {
    const Bytes rest = access_unit.subspan(at + 3);
    const std::size_t next = codec::find_start_code(rest);
    Bytes unit = rest.first(next);
    at += 3 + next;
    // They belong to the next start code, or are trailing_zero_8bits.
    while (!unit.empty() && unit.back() == std::byte{0}) unit = unit.first(unit.size() - 1);
    if (!unit.empty()) units_.push_back(unit);
  }
}

std::optional<NalFrames::Frame> NalFrames::convert(Bytes access_unit, std::vector<std::byte>& out) {
  cut(access_unit);
  Frame frame;
  bool has_picture = false;
  std::array<bool, 3> has_kind{codec_ == media::Codec::h264, false, false};  // which has no VPS
  for (const Bytes unit : units_) {
    has_picture = has_picture || is_picture(unit[0]);
    const auto kind = sets_.kind_of(unit[0]);
    if (!kind) continue;
    has_kind[static_cast<std::size_t>(*kind)] = true;
    frame.has_new_sets |= sets_.take(unit);
  }
  if (!has_picture) return std::nullopt;
  scanner_.begin();
  scanner_.scan(access_unit);
  frame.sync = scanner_.verdict() == codec::FrameScanner::Verdict::sync;

  std::size_t first = 0;
  if (is_delimiter(units_[0][0])) append_unit(out, units_[first++]);
  const bool has_sets = std::ranges::find(has_kind, false) == has_kind.end();
  if (frame.sync && !has_sets) append(out, sets_.make_prefix());
  for (std::size_t index = first; index < units_.size(); ++index) append_unit(out, units_[index]);
  return frame;
}

}  // namespace client::camera

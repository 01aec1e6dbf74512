#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "relay/media/codec/video_size.hpp"

/// H.264, ISO/IEC 14496-10.
namespace codec::h264 {

enum class NalType : std::uint8_t { slice = 1, idr_slice = 5, sei = 6, sps = 7, pps = 8, aud = 9 };

constexpr NalType nal_type(std::byte header) noexcept {
  return static_cast<NalType>(std::to_integer<unsigned>(header) & 0x1F);
}
/// Part of a coded picture. Of data partitions (2 to 4) the first has a slice header.
constexpr bool is_vcl(NalType type) noexcept {
  return type >= NalType::slice && type <= NalType::idr_slice;
}

/// `rbsp` follows the NAL header, without emulation prevention bytes. Nothing if it makes no sense.
std::optional<VideoSize> parse_sps(std::span<const std::byte> rbsp) noexcept;

/// What the decoder configuration repeats of a sequence parameter set.
struct PictureFormat {
  std::uint8_t chroma_format_idc = 1;  ///< 1: 4:2:0
  std::uint8_t luma_depth_minus8 = 0;
  std::uint8_t chroma_depth_minus8 = 0;
  bool operator==(const PictureFormat&) const = default;
};
/// Likewise of an `rbsp`. Nothing if it makes no sense, or if the profile is one that has 4:2:0
/// with 8 bits only and does not say so.
std::optional<PictureFormat> parse_format(std::span<const std::byte> rbsp) noexcept;

/// What it takes of a sequence parameter set to read of slices whether they are fields.
struct FieldSyntax {
  std::uint32_t sps_id = 0;
  std::uint8_t frame_num_bits = 4;
  bool has_fields = false;         ///< frame_mbs_only_flag is 0
  bool has_colour_planes = false;  ///< separate_colour_plane_flag
};
/// Likewise of an `rbsp`.
std::optional<FieldSyntax> parse_field_syntax(std::span<const std::byte> rbsp) noexcept;

/// The picture that a slice belongs to, as its header (7.3.3) tells.
struct Picture {
  std::uint32_t frame_num = 0;
  bool is_idr = false;
  bool is_field = false;
  bool is_bottom = false;
};
/// `nal` is a slice, or the beginning of one, without emulation prevention bytes.
std::optional<std::uint32_t> parse_slice_pps_id(std::span<const std::byte> nal) noexcept;
std::optional<Picture> parse_slice(std::span<const std::byte> nal,
                                   const FieldSyntax& syntax) noexcept;
/// The two make one frame: a complementary field pair (3.30, 3.31).
constexpr bool is_field_pair(const Picture& first, const Picture& second) noexcept {
  return first.is_field && second.is_field && first.is_bottom != second.is_bottom &&
         first.frame_num == second.frame_num && !second.is_idr;
}

/// Walks the messages of one SEI NAL unit byte by byte and remembers whether there is a recovery
/// point at which decoding is right at once (D.1.8: recovery_frame_cnt 0).
class SeiWalk {
 public:
  void on_byte(std::byte value) noexcept;
  bool has_recovery_point() const noexcept { return has_recovery_point_; }

 private:
  enum class State : std::uint8_t { type, size, payload };
  State state_ = State::type;
  bool has_recovery_point_ = false;
  bool is_first_ = false;  // the next byte is a payload's first
  std::uint32_t type_ = 0;
  std::uint32_t size_ = 0;
};

}  // namespace codec::h264

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "relay/media/codec/annexb.hpp"
#include "relay/media/codec/h264.hpp"
#include "relay/media/codec/video_size.hpp"
#include "relay/media/track.hpp"

namespace codec {

/// Says of each H.264 or H.265 frame in Annex B form whether a decoder can begin at it, and takes
/// the picture size from parameter sets on the way. It looks no further than the head of the first
/// VCL NAL unit, and gives up after `look_bytes_max`.
class FrameScanner {
 public:
  static constexpr std::size_t look_bytes_max = 64 * 1024;
  enum class Verdict : std::uint8_t { undecided, sync, not_sync };

  explicit FrameScanner(media::Codec codec = media::Codec::h264) noexcept : codec_(codec) {}

  /// A new frame begins.
  void begin() noexcept;
  /// More of its bytes; to be called only while undecided.
  Verdict scan(std::span<const std::byte> bytes) noexcept;
  /// What is undecided is not a sync frame.
  void give_up() noexcept;
  Verdict verdict() const noexcept { return verdict_; }
  /// Of the last parameter set that made sense.
  std::optional<VideoSize> size() const noexcept { return size_; }

  void on_start() noexcept;               // AnnexBWalk
  bool on_byte(std::byte byte) noexcept;  // AnnexBWalk

 private:
  // Longer parameter sets are not parsed; real ones, scaling lists included, are far below.
  static constexpr std::size_t sps_bytes_max = 512;
  enum class Nal : std::uint8_t { none, other, sps, sei, vcl };

  void begin_nal(std::byte header) noexcept;
  bool decide(std::byte slice_header) noexcept;
  void parse_sps() noexcept;

  media::Codec codec_;
  Verdict verdict_ = Verdict::undecided;
  Nal nal_ = Nal::none;
  bool is_sync_nal_ = false;
  bool has_recovery_point_ = false;
  std::uint8_t header_bytes_left_ = 0;
  std::size_t looked_ = 0;
  AnnexBWalk walk_;
  h264::SeiWalk sei_;
  std::optional<VideoSize> size_;
  std::size_t sps_bytes_ = 0;
  std::array<std::byte, sps_bytes_max> sps_;
};

}  // namespace codec

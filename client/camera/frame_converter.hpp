#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "client/camera/nal_frames.hpp"
#include "relay/media/track.hpp"

namespace client::camera {

/// Brings the coded frames of one track from the form in which GStreamer's parsers deliver them to
/// that of the wire, and learns from them what the track is. One thread.
class FrameConverter {
 public:
  struct Frame {
    bool sync = false;
    std::uint32_t duration = 0;  ///< in the track's timescale, as the codec says it; 0: it does not
    bool is_new_track = false;   ///< `track()` is another one than before
  };

  /// `track`: as far as the caps tell.
  explicit FrameConverter(media::Track track);

  /// A whole frame; `is_delta`: as GStreamer says, no decoder can begin with it. Appends the
  /// payload to `out`, which copies. Nothing if it is no frame, or if what the track is has not
  /// been seen yet.
  std::optional<Frame> convert(std::span<const std::byte> bytes, bool is_delta,
                               std::vector<std::byte>& out);

  const media::Track& track() const noexcept { return track_; }
  /// All is known that a decoder needs.
  bool is_known() const noexcept;

 private:
  std::optional<Frame> convert_nal_units(std::span<const std::byte> bytes,
                                         std::vector<std::byte>& out);
  std::optional<Frame> convert_av1(std::span<const std::byte> bytes, bool is_delta,
                                   std::vector<std::byte>& out);
  std::optional<Frame> convert_aac(std::span<const std::byte> bytes, std::vector<std::byte>& out);
  std::optional<Frame> convert_mp3(std::span<const std::byte> bytes, std::vector<std::byte>& out);

  media::Track track_;
  NalFrames nal_frames_;
  bool is_broken_ = false;  // its parameter sets make no sense
};

/// An AV1 temporal unit without its temporal delimiters (AV1 in ISOBMFF, 2.4) is appended to `out`.
/// False if it makes no sense; `out` is as it was then.
bool append_without_delimiters(std::span<const std::byte> unit, std::vector<std::byte>& out);

}  // namespace client::camera

#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "relay/media/codec/frame_scanner.hpp"
#include "relay/media/codec/parameter_sets.hpp"
#include "relay/media/track.hpp"

namespace client::camera {

/// Brings H.264 and H.265 access units from Annex B form (ISO/IEC 14496-10, annex B) to NAL units
/// behind their lengths in four bytes, with parameter sets before every sync frame.
class NalFrames {
 public:
  struct Frame {
    bool sync = false;
    bool has_new_sets = false;  ///< other parameter sets than before
  };

  explicit NalFrames(media::Codec codec) noexcept;

  /// Appends to `out`, which copies. Nothing if there is no picture in it; parameter sets are
  /// remembered in any case.
  std::optional<Frame> convert(std::span<const std::byte> access_unit, std::vector<std::byte>& out);

  const codec::ParameterSets& sets() const noexcept { return sets_; }

 private:
  void cut(std::span<const std::byte> access_unit);
  bool is_delimiter(std::byte header) const noexcept;
  bool is_picture(std::byte header) const noexcept;

  media::Codec codec_;
  codec::ParameterSets sets_;
  codec::FrameScanner scanner_;
  std::vector<std::span<const std::byte>> units_;  // of the access unit being converted
};

}  // namespace client::camera

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "relay/media/container/mpegts/packet_writer.hpp"
#include "relay/media/track.hpp"
#include "relay/memory/window_list.hpp"

namespace mpegts {

/// A coded picture of H.264 or H.265 on its way from NAL units behind their lengths to Annex B:
/// exactly one access unit delimiter comes first, the sample's own if it has one (ISO/IEC 13818-1,
/// 2.14.1 and 2.17.1 ask for it). What is not a whole NAL unit at the end is left out.
class AccessUnit {
 public:
  /// Looks at the lengths and types in the payload, which must stay where it is until `write()`.
  AccessUnit(const memory::WindowList& payload, media::Codec codec) noexcept;

  /// In Annex B form; 0: there is no picture.
  std::size_t bytes() const noexcept { return bytes_; }
  void write(PacketWriter& out) const;

 private:
  struct Range {
    std::size_t at;
    std::size_t bytes;
  };

  const memory::WindowList& payload_;
  bool is_h265_;
  std::size_t bytes_ = 0;
  std::optional<Range> delimiter_;  // the sample's own
};

}  // namespace mpegts

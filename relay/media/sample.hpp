#pragma once

#include <cstdint>

#include "relay/memory/window_list.hpp"

namespace media {

/// One coded video or audio frame. The payload is what the codec's MP4 binding stores: H.264 and
/// H.265 NAL units, each behind its length in four bytes, parameter sets before every sync frame;
/// AV1 OBUs without temporal delimiters; a VP9 frame; raw AAC without ADTS; an Opus packet; an MP3
/// frame. Its windows belong to one worker.
struct Sample {
  std::uint8_t track = 0;      ///< index into the publisher's tracks
  bool sync = false;           ///< a decoder may begin here; always true for audio
  std::int64_t dts = 0;        ///< in the track's timescale
  std::int64_t pts = 0;        ///< likewise; may be before the dts
  std::uint32_t duration = 0;  ///< likewise; 0: not known
  memory::WindowList payload;
};

}  // namespace media

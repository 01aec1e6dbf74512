#pragma once

#include "relay/media/container/fmp4/box_writer.hpp"
#include "relay/media/track.hpp"

namespace fmp4 {

/// The entry of `stsd` (ISO/IEC 14496-12, 8.5.2) for a track that can be written: avc3, hev1, av01,
/// vp09, mp4a (AAC and MP3) or Opus.
void write_sample_entry(BoxWriter& out, const media::Track& track);

}  // namespace fmp4

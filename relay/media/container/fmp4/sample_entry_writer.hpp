#pragma once

#include <cstdint>

#include "relay/media/container/fmp4/box_writer.hpp"
#include "relay/media/track.hpp"

namespace fmp4 {

/// Where the parameter sets of H.264 and H.265 are (ISO/IEC 14496-15, 5.3.1, 8.3.1).
enum class ParameterSets : std::uint8_t {
  in_band,    ///< avc3, hev1: in the samples, also others than the entry has
  described,  ///< avc1, hvc1: those of the entry, which samples may repeat
};

/// The entry of `stsd` (ISO/IEC 14496-12, 8.5.2) for a track that can be written: of H.264, of
/// H.265, av01, vp09, mp4a (AAC and MP3) or Opus.
void write_sample_entry(BoxWriter& out, const media::Track& track, ParameterSets sets);

}  // namespace fmp4

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/media/sample.hpp"
#include "relay/media/track.hpp"
#include "relay/memory/block_writer.hpp"

namespace fmp4 {

/// A track can be written: its codec is one of ours, and its configuration is known.
bool can_write(const media::Track& track) noexcept;

/// The initialisation segment, ftyp and moov (ISO/IEC 14496-12, 8.2), with sample entries whose
/// parameter sets may also come in-band (avc3, hev1). The track with index i has track_ID i + 1;
/// tracks that cannot be written are left out.
std::vector<std::byte> write_init(std::span<const media::Track> tracks);

/// Writes movie fragments that fit that initialisation segment.
class FragmentWriter {
 public:
  explicit FragmentWriter(std::span<const media::Track> tracks);

  /// One moof and mdat with these samples, which are in order within each track; those of tracks
  /// that cannot be written are left out. The header comes to lie where `headers` writes, the
  /// payload stays where it is. Empty when no sample is left; Errc::arena_full of memory.
  base::Result<memory::WindowList> write(std::uint32_t sequence,
                                         std::span<const media::Sample> samples,
                                         memory::BlockWriter& headers);
};

}  // namespace fmp4

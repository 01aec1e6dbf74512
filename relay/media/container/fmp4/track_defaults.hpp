#pragma once

#include <cstdint>

#include "relay/media/track.hpp"

namespace fmp4 {

/// Sample flags (ISO/IEC 14496-12, 8.8.3.1): depends on others or not, and is a sync sample or not.
inline constexpr std::uint32_t sync_flags = 0x0200'0000;
inline constexpr std::uint32_t non_sync_flags = 0x0101'0000;

/// What `trex` says of a track's samples (8.8.3), so that fragments need not. It depends only on
/// what is constant about a track: the initialisation segment and the fragments after it agree
/// though they are not written at the same time.
struct TrackDefaults {
  std::uint32_t duration = 0;
  std::uint32_t flags = sync_flags;
};
TrackDefaults defaults_of(const media::Track& track) noexcept;

bool is_video(media::Codec codec) noexcept;
/// Samples per second, of AAC from the configuration where the track does not tell; 0: not known.
std::uint32_t sample_rate_of(const media::Track& track) noexcept;

}  // namespace fmp4

#pragma once

#include <cstdint>

#include "relay/media/container/fmp4/box_writer.hpp"
#include "relay/media/track.hpp"

// The boxes of a moov that a fragmented file and a whole one have in common (ISO/IEC 14496-12, 8).
namespace fmp4 {

/// Times of mvhd, tkhd and mdhd: 32 bits where they fit, as old readers want it, else 64.
struct HeaderTimes {
  std::uint64_t created = 0;   ///< seconds since 1904, UTC; 0: not told
  std::uint64_t duration = 0;  ///< in the timescale of the box, of tkhd in that of mvhd

  std::uint32_t version() const noexcept;
};

/// 8.2.2. `next_track`: an ID that no track has.
void write_mvhd(BoxWriter& out, const HeaderTimes& times, std::uint32_t timescale,
                std::uint32_t next_track);
/// 8.3.2
void write_tkhd(BoxWriter& out, const media::Track& track, std::uint32_t id,
                const HeaderTimes& times);
/// 8.4.2
void write_mdhd(BoxWriter& out, const media::Track& track, const HeaderTimes& times);
/// 8.4.3
void write_hdlr(BoxWriter& out, const media::Track& track);
/// What minf has besides stbl: vmhd or smhd (12.1.2, 12.2.2), and dinf (8.7.1): data in this file.
void write_media_information(BoxWriter& out, const media::Track& track);

}  // namespace fmp4

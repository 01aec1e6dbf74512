#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "relay/media/sample.hpp"
#include "relay/media/track.hpp"

namespace mpegts {

/// What a SampleReader could not use.
struct SampleCounters {
  std::uint64_t lost_units = 0;      ///< PES packets in the making when packets were lost
  std::uint64_t too_large = 0;       ///< frames beyond the limit
  std::uint64_t headless = 0;        ///< pieces of pictures whose beginning is not there
  std::uint64_t untimed = 0;         ///< frames before the first timestamp
  std::uint64_t went_back = 0;       ///< frames with a dts more than a second before the last
  std::uint64_t skipped_bytes = 0;   ///< of audio, that are no frame
  std::uint64_t skipped_frames = 0;  ///< of audio, found in the middle of something else
};

/// Where the readers of all tracks put what they find.
struct SampleSink {
  std::vector<media::Track> tracks;
  std::uint32_t tracks_version = 0;
  std::vector<media::Sample> ready;  ///< each fits `tracks` as they are now
  SampleCounters counters;
};

/// The times in the header of a PES packet: media time, 90 kHz. No dts without a pts.
struct Stamps {
  std::optional<std::int64_t> pts;
  std::optional<std::int64_t> dts;
};

}  // namespace mpegts

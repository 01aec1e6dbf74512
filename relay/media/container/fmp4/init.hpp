#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/media/container/fmp4/nal_units.hpp"
#include "relay/media/track.hpp"

namespace fmp4 {

inline constexpr std::size_t tracks_max = 16;
/// Finer clocks than a nanosecond's are refused, and so is a timestamp (with or without its edit
/// list) that far from zero: then sums of two fit 64 bits, and so do all in nanoseconds.
inline constexpr std::uint32_t timescale_max = std::uint32_t{1} << 30;
inline constexpr std::int64_t seconds_max = std::int64_t{1} << 32;

/// `ticks` of a clock of `timescale` (at most `timescale_max`) are within `seconds_max`.
constexpr bool is_believable(std::int64_t ticks, std::uint32_t timescale) noexcept {
  const std::int64_t limit = seconds_max * timescale;
  return -limit < ticks && ticks < limit;
}

/// What a fragment does not say itself (ISO/IEC 14496-12, 8.8.3 and 8.8.7).
struct SampleDefaults {
  std::uint32_t description_index = 1;
  std::uint32_t duration = 0;
  std::uint32_t size = 0;
  std::uint32_t flags = 0;
};

/// What fragments need of a track.
struct TrackContext {
  SampleDefaults defaults;  ///< of its `trex`
  /// Of its edit list (8.6.6), to be added to every timestamp: a decoder's priming and the delay of
  /// B-frames come before zero then.
  std::int64_t shift = 0;
  std::int64_t next_dts = 0;        ///< without `shift`: where a fragment without `tfdt` goes on
  std::uint32_t last_duration = 0;  ///< of the last sample that had one
};

/// A movie header: its lists have the same length and order.
struct Movie {
  std::vector<media::Track> tracks;
  std::vector<TrackContext> contexts;
  std::vector<NalFormat> nal_formats;
};

/// Reads the payload of a `moov` box (8.2.1) of a fragmented file.
base::Result<Movie> parse_moov(std::span<const std::byte> payload);

}  // namespace fmp4

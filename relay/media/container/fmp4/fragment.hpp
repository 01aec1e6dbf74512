#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/media/container/fmp4/init.hpp"

namespace fmp4 {

/// A sample of a track whose codec is ours, as a fragment's header describes it.
struct FragmentSample {
  std::uint64_t begin = 0;  ///< its first byte, counted from that of the body
  std::uint32_t size = 0;   ///< never 0
  std::uint8_t track = 0;
  bool sync = false;
  std::uint32_t duration = 0;  ///< 0: not known
  std::int64_t dts = 0;        ///< with the edit list
  std::int64_t pts = 0;

  std::uint64_t end() const noexcept { return begin + size; }
};

/// Samples in the order of the header: of each track in decoding order.
struct Fragment {
  std::vector<FragmentSample> samples;
  std::uint64_t empty_samples = 0;  ///< left out: they have no bytes
};

inline constexpr std::size_t samples_max = 16'384;  ///< of one fragment
/// Rows of all runs of a fragment, those of empty samples and of tracks that nobody gets included.
inline constexpr std::uint32_t rows_max = 64 * 1024;
inline constexpr std::uint32_t sample_bytes_max = 16 << 20;
/// From the end of a moof to that of its last sample: so much can wait, and be pinned, at once.
inline constexpr std::uint64_t fragment_bytes_max = 64 << 20;

/// The place of a box in the body.
struct Place {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// Reads the payload of a `moof` box (ISO/IEC 14496-12, 8.8.4) that lies at `place`. Moves the
/// `next_dts` of the movie's tracks on.
base::Result<Fragment> parse_moof(std::span<const std::byte> payload, Place place, Movie& movie);

}  // namespace fmp4

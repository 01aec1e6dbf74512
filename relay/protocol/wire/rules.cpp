#include "relay/protocol/wire/rules.hpp"

#include <algorithm>

namespace wire {
namespace {

bool can_be(std::int64_t time, std::uint32_t timescale) noexcept {
  const std::int64_t seconds = time / timescale;
  return seconds > -seconds_max && seconds < seconds_max;
}

}  // namespace

base::Result<void> check_chunk(const Chunk& chunk, const Tracks& tracks) noexcept {
  if (tracks.version == 0 || chunk.tracks_version != tracks.version) {
    return Errc::bad_tracks_version;
  }
  for (const media::Sample& sample : chunk.samples) {
    if (sample.track >= tracks.tracks.size()) return Errc::bad_sample;
    const std::uint32_t timescale = tracks.tracks[sample.track].timescale;
    if (!can_be(sample.dts, timescale) || !can_be(sample.pts, timescale)) return Errc::bad_sample;
  }
  return {};
}

bool Allowance::take(base::Time now) noexcept {
  empty_at_ = std::max(empty_at_, now) + interval;
  return empty_at_ - now <= interval * burst;
}

}  // namespace wire

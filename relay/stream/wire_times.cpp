#include "relay/stream/wire_times.hpp"

#include "relay/media/timescale.hpp"

namespace stream {
namespace {

// The same number for all samples of a track, so their distances stay exact.
std::uint64_t ticks_of(MediaTime wire_offset, std::uint32_t timescale) noexcept {
  return static_cast<std::uint64_t>(media::rescale(wire_offset, timescale, media_ticks_per_second));
}

// A publisher may make up any time: what wraps around comes back the same way.
void move(std::int64_t& time, std::uint64_t ticks) noexcept {
  time = static_cast<std::int64_t>(static_cast<std::uint64_t>(time) + ticks);
}

}  // namespace

void to_log_times(std::span<media::Sample> samples, const wire::Tracks& tracks,
                  MediaTime wire_offset) noexcept {
  for (media::Sample& sample : samples) {
    const std::uint64_t ticks = ticks_of(wire_offset, tracks.tracks[sample.track].timescale);
    move(sample.dts, ticks);
    move(sample.pts, ticks);
  }
}

void to_wire_times(std::span<media::Sample> samples, const wire::Tracks& tracks,
                   MediaTime wire_offset) noexcept {
  for (media::Sample& sample : samples) {
    const std::uint64_t ticks = ticks_of(wire_offset, tracks.tracks[sample.track].timescale);
    move(sample.dts, 0 - ticks);
    move(sample.pts, 0 - ticks);
  }
}

}  // namespace stream

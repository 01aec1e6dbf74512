#include "relay/stream/wire_times.hpp"

#include "relay/media/timescale.hpp"

namespace stream {
namespace {

// A publisher may make up any time: what wraps around comes back the same way.
void move(std::int64_t& time, std::uint64_t ticks) noexcept {
  time = static_cast<std::int64_t>(static_cast<std::uint64_t>(time) + ticks);
}

// By the same number of ticks for all samples of a track, so their distances stay exact.
void move(std::span<media::Sample> samples, const wire::Tracks& tracks, MediaTime wire_offset,
          bool is_back) noexcept {
  for (media::Sample& sample : samples) {
    const std::uint32_t timescale = tracks.tracks[sample.track].timescale;
    const auto ticks =
        static_cast<std::uint64_t>(media::rescale(wire_offset, timescale, media_ticks_per_second));
    const std::uint64_t by = is_back ? 0 - ticks : ticks;
    move(sample.dts, by);
    move(sample.pts, by);
  }
}

}  // namespace

void to_log_times(std::span<media::Sample> samples, const wire::Tracks& tracks,
                  MediaTime wire_offset) noexcept {
  move(samples, tracks, wire_offset, false);
}

void to_wire_times(std::span<media::Sample> samples, const wire::Tracks& tracks,
                   MediaTime wire_offset) noexcept {
  move(samples, tracks, wire_offset, true);
}

}  // namespace stream

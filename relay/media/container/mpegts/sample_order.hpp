#pragma once

#include <cstdint>
#include <optional>

#include "relay/media/timescale.hpp"

namespace mpegts {

/// Keeps the dts of a track's samples strictly rising.
class SampleOrder {
 public:
  /// The dts that a sample gets: its own, or the next tick if that would not be behind the last
  /// one; nothing if it lies more than a second (of `timescale` ticks) before: drop the sample.
  std::optional<std::int64_t> place(std::int64_t dts, std::uint32_t timescale) noexcept {
    if (last_ && dts <= *last_) {
      if (*last_ - dts > timescale) return std::nullopt;
      dts = *last_ + 1;
    }
    last_ = dts;
    return dts;
  }
  std::optional<std::int64_t> last() const noexcept { return last_; }
  /// The timescale of the track is another from here on.
  void on_timescale(std::uint32_t to, std::uint32_t from) noexcept {
    if (last_) last_ = media::rescale(*last_, to, from);
  }

 private:
  std::optional<std::int64_t> last_;
};

}  // namespace mpegts

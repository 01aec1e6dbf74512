#pragma once

#include <cstdint>
#include <optional>

#include "relay/base/time.hpp"

namespace client::camera {

/// The times of one track on the wire, which begin at 10 s and whose dts never stands still, from
/// media time in nanoseconds.
class FrameTimes {
 public:
  /// So that B-frames never make a time negative.
  static constexpr std::int64_t begin_seconds = 10;

  struct Given {
    std::optional<base::Duration> dts;  ///< nothing: as the pts, or by the last interval
    std::optional<base::Duration> pts;
    std::optional<base::Duration> duration;
  };
  struct Times {
    std::int64_t dts = 0;
    std::int64_t pts = 0;
    std::uint32_t duration = 0;
  };

  explicit FrameTimes(std::uint32_t timescale) noexcept : timescale_(timescale) {}

  Times next(const Given& given) noexcept;

 private:
  std::int64_t to_ticks(base::Duration time) const noexcept;

  std::uint32_t timescale_;
  std::optional<std::int64_t> last_dts_;
  std::int64_t interval_ = 1;
};

}  // namespace client::camera

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "relay/base/time.hpp"

namespace client::camera {

/// The times of one track on the wire, which begin at 10 s and whose dts never stands still, from
/// media time in nanoseconds.
class FrameTimes {
 public:
  /// So that B-frames never make a time negative.
  static constexpr std::int64_t begin_seconds = 10;

  struct Given {
    std::optional<base::Duration> dts;  ///< nothing: made of the pts, or by the last interval
    std::optional<base::Duration> pts;
    std::optional<base::Duration> duration;
  };
  struct Times {
    std::int64_t dts = 0;
    std::int64_t pts = 0;
    std::uint32_t duration = 0;
  };

  /// How many pictures usually stand before one in decoding that is shown earlier, where containers
  /// do not say the dts (Matroska): what x264 makes unless told otherwise. Where there are more, a
  /// picture's pts comes to lie before its dts.
  static constexpr std::size_t usual_reorder = 2;

  /// `reorder`: such a number if the codec reorders pictures, else 0. `may_grow`: the first picture
  /// that comes out of order raises it.
  explicit FrameTimes(std::uint32_t timescale, std::size_t reorder = 0,
                      bool may_grow = false) noexcept
      : timescale_(timescale), reorder_(reorder), may_grow_(may_grow) {}

  Times next(const Given& given);
  /// What comes next does not follow from what came before; times go on all the same.
  void interrupt() noexcept;

 private:
  std::int64_t to_ticks(base::Duration time) const noexcept;
  std::int64_t guess_dts(std::int64_t pts, std::int64_t interval);

  std::uint32_t timescale_;
  std::size_t reorder_;
  bool may_grow_;
  std::vector<std::int64_t> shown_later_;  // sorted; the pts that are no dts yet
  std::optional<std::int64_t> last_dts_;
  std::optional<std::int64_t> newest_pts_;
  bool begins_ = true;
  std::int64_t interval_ = 1;
};

}  // namespace client::camera

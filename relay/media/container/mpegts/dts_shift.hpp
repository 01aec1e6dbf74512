#pragma once

#include <cstdint>
#include <optional>

namespace mpegts {

/// Makes the decoding times of a track such that MPEG-TS can say them: never after the presentation
/// time (ISO/IEC 13818-1, 2.4.3.7), which fMP4 with negative composition offsets allows. They move
/// down together, by the largest distance seen so far; presentation times stay.
class DtsShift {
 public:
  struct Stamps {
    std::int64_t pts;
    std::int64_t dts;
  };

  /// In decoding order, 90 kHz. The dts that comes out is strictly greater than the one before,
  /// unless the pts forbids that.
  Stamps shift(Stamps in, bool is_sync) noexcept;

 private:
  std::int64_t delay_ = 0;
  bool begins_at_pts_ = false;  // the last sync frame had no distance between dts and pts
  std::optional<std::int64_t> last_dts_;
};

}  // namespace mpegts

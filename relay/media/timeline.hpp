#pragma once

#include <cstdint>
#include <optional>

#include "relay/base/time.hpp"

namespace media {

/// Maps the timestamps of a stream's publishers to one media time and to UTC. Media time never goes
/// back, whatever the input does; neither does UTC. Owned by the stream's publisher session.
class Timeline {
 public:
  static constexpr std::int64_t ticks_per_second = 90'000;
  /// A log begins at 10 s, so that B-frames and edit lists never make a timestamp negative.
  static constexpr std::int64_t begin = 10 * ticks_per_second;
  /// What is further off than this is a new clock, not a late or missing frame.
  static constexpr std::int64_t jump_max = 10 * ticks_per_second;
  /// Media that falls behind its arrival by more moves the anchor.
  static constexpr std::chrono::milliseconds behind_max{500};

  /// Another publisher's first frame stands at least so far behind the last one's end: its audio
  /// may begin before its video, and that of the last may have gone on behind it.
  static constexpr std::int64_t seam_min = ticks_per_second / 20;

  struct Position {
    std::int64_t time;  ///< 90 kHz
    base::Utc utc;
    bool jumped;   ///< the input's clock was replaced: a discontinuity
    bool is_seam;  ///< because another publisher began
  };

  /// An earlier log of the same stream: what comes after it goes on in its media time.
  struct Past {
    base::Utc end;      ///< where its last frame ended
    std::int64_t time;  ///< likewise
  };

  /// The UTC of the first frame: the publisher's own if it is trusted, else its arrival.
  explicit Timeline(base::Utc start, const std::optional<Past>& past = std::nullopt) noexcept;

  /// The UTC of the first frame is this after all, as its publisher says: no longer ago than it can
  /// be late. Before the first frame of all; later it does nothing.
  void begin_at(base::Utc start) noexcept;
  /// The same for the publisher of the earlier log, however long ago it was. `time`: where the
  /// frame stood in that log, if it has it.
  void resume_at(base::Utc start, const std::optional<std::int64_t>& time) noexcept;

  /// A frame (or whatever is numbered) with its unwrapped dts. Without one it follows the previous
  /// by the last interval.
  Position on_frame(std::optional<std::int64_t> dts_90k, base::Utc arrival) noexcept;

  /// Media time minus dts of the present publisher; nothing before its first dts.
  std::optional<std::int64_t> offset() const noexcept { return offset_; }

  /// Where the last frame ends, in media time: as long after its beginning as that was after the
  /// one before.
  std::int64_t end() const noexcept { return time_ + interval_; }

  /// Another publisher goes on: its first dts is the last end plus the UTC that passes until its
  /// first frame arrives, at least `seam_min`.
  void on_new_publisher() noexcept;

 private:
  base::Utc utc_of(std::int64_t time) const noexcept;
  void place_first(base::Utc start, std::int64_t time) noexcept;
  std::int64_t follow_past(base::Utc start, std::int64_t distance) const noexcept;

  std::optional<Past> past_;
  base::Utc anchor_{};                  // the UTC of media time 0
  std::int64_t next_ = begin;           // where the first frame of a publisher goes
  std::int64_t time_ = begin;           // of the last frame
  std::int64_t interval_ = 0;           // between the last two
  std::optional<std::int64_t> offset_;  // media time minus dts; none until a publisher's first dts
  base::Utc last_arrival_{};
  bool is_first_ = true;  // the next frame is this publisher's first
  bool continues_ = false;
};

}  // namespace media

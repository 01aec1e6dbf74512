#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "relay/base/time.hpp"
#include "relay/media/track.hpp"
#include "relay/media/track_set.hpp"
#include "relay/protocol/wire/message.hpp"
#include "relay/stream/chunk.hpp"
#include "relay/stream/home.hpp"
#include "relay/stream/input_fault.hpp"

namespace session {

/// A camera that comes back sends in a moment what it kept. Whoever watches needs time to follow,
/// so the clock that viewers are measured by goes on from the oldest of it, only a little faster
/// than time.
class LagClock {
 public:
  /// No more is made of a publisher's clock that jumps.
  static constexpr std::chrono::minutes ahead_max{10};

  /// By how much a chunk of this UTC that arrives now is ahead of the clock.
  std::chrono::microseconds ahead(base::Utc utc, base::Utc arrival) noexcept;

 private:
  std::optional<std::chrono::microseconds> offset_;  // the clock minus ours
  base::Utc last_{};
};

/// Chunks of a wire publisher to chunks of its stream: numbers, UTC and checksum as they are, times
/// moved to those of the log. Owned by the publisher.
class WireIngest {
 public:
  /// The publisher's clock is trusted to say when its first chunk was, if that is no longer ago.
  static constexpr std::chrono::microseconds clock_tolerance = std::chrono::seconds(10);

  /// `first_live`: of the chunks before, none was made after `now`.
  WireIngest(stream::Home& home, bool is_continuing, std::uint64_t first_live, base::Time now);

  /// What the samples mean from the next chunk on.
  void set_tracks(const wire::Tracks& tracks);
  /// With their frames and rates so far.
  std::span<const media::Track> tracks() const noexcept { return counted_; }

  /// Nothing: dropped, since nobody could begin with it.
  std::optional<stream::Chunk> take(wire::Chunk chunk, base::Time now, base::Utc arrival);
  /// These chunks never come.
  void on_gap(const wire::Gap& gap);

  /// How far the newest chunk is ahead of a clock that began with the publisher.
  base::Duration ahead() const noexcept { return ahead_; }
  std::uint64_t dropped() const noexcept { return dropped_; }
  const stream::InputFaults& faults() const noexcept { return faults_; }

 private:
  void count(const media::Sample& sample, stream::Chunk& out);
  stream::Chunk place(const wire::Chunk& chunk, base::Time now, base::Utc arrival);

  stream::Home& home_;
  std::shared_ptr<const wire::Tracks> wire_tracks_;
  std::shared_ptr<const media::TrackSet> tracks_;
  std::vector<media::Track> counted_;  // of tracks_
  LagClock lag_clock_;
  stream::InputFaults faults_;
  const std::uint64_t first_live_;
  const base::Time started_;
  std::optional<stream::MediaTime> live_begin_;
  base::Duration ahead_{};
  std::uint64_t dropped_ = 0;
  bool until_sync_;
  bool is_resumed_ = false;  // it sends again what a recording has, and its clock is that one's
};

}  // namespace session

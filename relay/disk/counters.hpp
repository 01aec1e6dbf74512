#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "relay/base/time.hpp"
#include "relay/disk/segment.hpp"

namespace disk {

/// What the recorder of one stream does; the names are the words of the API and of metrics.
enum class RecordingState : std::uint8_t {
  recording,
  lagging,  ///< the disk is too slow: nothing is taken until it has caught up
  failed,   ///< nothing can be written; it tries again
  stopped,  ///< it takes nothing more
};
constexpr std::size_t recording_state_count = 4;
constexpr const char* name_of(RecordingState state) noexcept {
  constexpr const char* names[] = {"recording", "lagging", "failed", "stopped"};
  return names[static_cast<std::size_t>(state)];
}

/// What the recorder of one stream says about itself; numbers are since it began.
struct RecordingStatus {
  RecordingState state = RecordingState::recording;
  std::string detail;               ///< why, in other states than `recording`
  std::uint64_t bytes = 0;          ///< written to files
  std::uint64_t waiting_bytes = 0;  ///< to be written, now
  std::uint64_t segments = 0;       ///< closed
  base::Duration gaps{};            ///< media time that was left out
};

/// Of all recorders of one worker, since its start.
struct RecordingCounters {
  std::uint64_t bytes = 0;  ///< written to files
  std::uint64_t segments = 0;
  std::uint64_t syncs = 0;  ///< `fdatasync` of a file
  std::uint64_t errors = 0;
  std::array<std::uint64_t, gap_reason_count> gaps{};
  std::array<base::Duration, gap_reason_count> gap_lengths{};

  void count_gap(GapReason reason, base::Duration length) noexcept {
    ++gaps[static_cast<std::size_t>(reason)];
    gap_lengths[static_cast<std::size_t>(reason)] += length;
  }
};

/// Of what one worker reads back.
struct PastCounters {
  std::uint64_t streams = 0;  ///< there are now
  std::uint64_t viewers = 0;  ///< in the past now
  std::uint64_t reads = 0;    ///< since the start, as what follows
  std::uint64_t bytes = 0;
  std::uint64_t errors = 0;   ///< reads that failed
  std::uint64_t damaged = 0;  ///< chunks whose checksums are wrong
  std::uint64_t clips = 0;
  std::uint64_t clip_bytes = 0;  ///< of `bytes`, those for clips

  void add(const PastCounters& other) noexcept {
    streams += other.streams;
    viewers += other.viewers;
    reads += other.reads;
    bytes += other.bytes;
    errors += other.errors;
    damaged += other.damaged;
    clips += other.clips;
    clip_bytes += other.clip_bytes;
  }
};

}  // namespace disk

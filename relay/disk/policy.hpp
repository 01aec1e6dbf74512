#pragma once

#include <cstdint>

#include "relay/base/time.hpp"

namespace disk {

/// When what was written is made to survive a loss of power (`fdatasync`): never, when a segment is
/// closed, or also every so often while it is written.
enum class Fsync : std::uint8_t { never, segment, interval };

/// What is removed, the oldest segments first. 0: no such limit.
struct KeepPolicy {
  base::Duration age{};          ///< longer ago than this
  std::uint64_t bytes = 0;       ///< more than these in one stream
  std::uint64_t free_bytes = 0;  ///< while less than these are free in the file system
};

/// How a stream is recorded.
struct RecordingPolicy {
  bool enabled = false;
  base::Duration segment{};  ///< media time; it ends at the next sync chunk
  Fsync fsync = Fsync::interval;
  base::Duration fsync_interval{};
  KeepPolicy keep;
};

}  // namespace disk

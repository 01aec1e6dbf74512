#pragma once

#include <span>

#include "client/camera/chunk.hpp"
#include "client/wire/publisher.hpp"
#include "relay/media/track.hpp"

namespace client::camera {

/// Where chunks go. Used by one thread.
class Output {
 public:
  virtual ~Output() = default;
  virtual void set_tracks(std::span<const media::Track> tracks) = 0;
  virtual void add(const Chunk& chunk) = 0;
  /// The source was away: what comes next does not follow from what came before.
  virtual void skip() = 0;
  /// No more chunks: an OutputEndEvent comes once the relay has them.
  virtual void finish() = 0;
  virtual Publisher::Stats stats() const = 0;
};

}  // namespace client::camera

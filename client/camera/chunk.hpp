#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "relay/base/time.hpp"

namespace client::camera {

/// A coded frame in the form that schemas/wire.md gives to payloads; times in its track's
/// timescale.
struct Frame {
  unsigned track = 0;
  bool sync = false;  ///< always true for audio
  std::int64_t dts = 0;
  std::int64_t pts = 0;
  std::uint32_t duration = 0;  ///< 0: not known
  base::Utc utc{};             ///< when it was captured (what its dts stands for)
  std::vector<std::byte> payload;
};

/// What becomes a chunk of the log: a video frame and, behind it, the audio that came before it.
struct Chunk {
  base::Utc utc{};  ///< of the first frame; never goes back
  bool sync = false;
  std::vector<Frame> frames;  ///< at least one
};

}  // namespace client::camera

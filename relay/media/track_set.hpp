#pragma once

#include <cstdint>
#include <vector>

#include "relay/media/track.hpp"

namespace media {

/// The tracks of a publisher as they are from one chunk on. Never changes once chunks share it, so
/// workers may share it too.
struct TrackSet {
  std::vector<Track> tracks;
  /// What version the tables of MPEG-TS have: another one whenever they say something else.
  std::uint8_t tables_version = 0;
  /// The tracks' ids are the PIDs that they had in an MPEG-TS. Whoever writes one of their samples
  /// goes on with them.
  bool has_pids = false;
};

}  // namespace media

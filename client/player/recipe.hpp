#pragma once

#include <optional>
#include <string>
#include <vector>

#include "relay/media/track.hpp"

namespace client {

/// How a track is decoded with GStreamer.
struct Recipe {
  std::string caps;                   ///< of the coded frames; not what is told in-band
  std::vector<const char*> decoders;  ///< elements, the best first
  std::vector<const char*> hardware;  ///< those that need a device: there or not
  const char* package = "";           ///< of Debian, that has the first of them which it can have
  /// NAL units go behind start codes instead of their lengths: so parameter sets are told in-band
  /// alone, and may change with every sync frame.
  bool has_start_codes = false;
};

/// Nothing if the codec is unknown, or a configuration that it needs is not there.
std::optional<Recipe> recipe_for(const media::Track& track);

}  // namespace client

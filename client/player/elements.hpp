#pragma once

#include <gst/gst.h>

#include <string>
#include <vector>

#include "client/player/recipe.hpp"
#include "relay/media/track.hpp"

namespace client {

/// A decoder of GStreamer's that nobody owns yet.
struct MadeDecoder {
  GstElement* element = nullptr;  ///< null: none is installed
  std::string name;
  bool is_of_hardware = false;
};
/// The first of a recipe that is there; of those that need a device, the first that can be opened.
MadeDecoder make_decoder(const Recipe& recipe, bool may_use_hardware);

/// The one form that is shown, whatever a decoder makes, and the elements that bring it about. They
/// pass on what has it already.
struct Form {
  const char* caps = nullptr;
  std::vector<const char*> converters;
};
Form form_of(media::Kind kind);

}  // namespace client

#pragma once

#include <gst/gst.h>

#include <optional>

#include "relay/media/track.hpp"

namespace client::camera {

/// The track that caps of coded frames describe, as far as they do; nothing if it is no codec that
/// the wire carries.
std::optional<media::Track> read_caps(const GstCaps* caps);

}  // namespace client::camera

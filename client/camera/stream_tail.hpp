#pragma once

#include <gst/gst.h>

#include <string>

#include "client/camera/plan.hpp"

namespace client::camera {

/// Name of the element whose pieces UnitJoiner puts together, where there is one.
inline constexpr const char* pieces_name = "pieces";

/// What follows a stream of a source, up to coded frames in the form that FrameConverter takes.
struct StreamTail {
  std::string launch;  ///< in GStreamer's words; empty: the stream is left out
  std::string notice;  ///< for people: why it is left out, or that it is decoded and encoded
};

/// `audio/x-opus`; empty if caps say nothing.
std::string caps_name(const GstCaps* caps);

/// A coded stream that the wire carries passes as it is, raw ones are encoded; others are left out,
/// or, if the plan has `reencodes`, decoded first. RTP (`application/x-rtp`) is taken apart.
StreamTail tail_for(const Plan& plan, const GstCaps* caps);

}  // namespace client::camera

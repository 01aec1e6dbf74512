#pragma once

#include <string>
#include <variant>

#include "client/camera/encoder.hpp"
#include "client/camera/inbox.hpp"
#include "client/camera/options.hpp"
#include "client/camera/source_url.hpp"

namespace client::camera {

/// What a source is in GStreamer's words.
struct Plan {
  Options::Source source = Options::Source::test;
  /// The pipeline. Of `test`, `v4l2` and `screen` it ends in sinks named stream0, stream1, …; of
  /// `gst` in free ends; of `file`, `rtsp` and `pipe` it begins with "source" and ends with "pads",
  /// whose pads come later.
  std::string launch;
  std::string path;            ///< of a file or device; the URL without credentials; the command
  Credentials credentials;     ///< of `rtsp`
  std::string video_encoding;  ///< for raw free ends
  std::string audio_encoding;
  bool reencodes = false;  ///< what the wire does not carry is decoded and encoded anew
  std::string notice;      ///< which encoders were chosen, for people

  /// Frames come from elsewhere, as they are: when they were captured only their sender knows.
  bool passes_on() const noexcept {
    return source == Options::Source::rtsp || source == Options::Source::pipe;
  }
  bool has_later_pads() const noexcept {
    return source == Options::Source::file || source == Options::Source::rtsp ||
           source == Options::Source::pipe;
  }
};

/// Chooses the encoders. A failure says which package to install.
std::variant<Plan, Failure> make_plan(const Options& options, Probe& probe);

/// The sink of one stream, to be put behind coded frames.
std::string sink_of(const Plan& plan, unsigned stream);

}  // namespace client::camera

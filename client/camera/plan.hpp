#pragma once

#include <string>
#include <variant>

#include "client/camera/encoder.hpp"
#include "client/camera/inbox.hpp"
#include "client/camera/options.hpp"

namespace client::camera {

/// What a source is in GStreamer's words.
struct Plan {
  Options::Source source = Options::Source::test;
  /// The pipeline. Of `test` it ends in sinks named stream0, stream1, …; of `gst` in free ends;
  /// of a file it begins with "source" and ends with "parse".
  std::string launch;
  std::string path;            ///< of a file
  std::string video_encoding;  ///< for raw free ends
  std::string audio_encoding;
  std::string notice;  ///< which encoders were chosen, for people
};

/// Chooses the encoders. A failure says which package to install.
std::variant<Plan, Failure> make_plan(const Options& options, Probe& probe);

/// The sink of one stream, to be put behind coded frames.
std::string sink_of(unsigned stream);

}  // namespace client::camera

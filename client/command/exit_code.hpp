#pragma once

namespace client {

/// What spancast-camera and spancast-player exit with. Documented in client/README.md and --help.
enum class ExitCode : int {
  done = 0,         ///< did what it was asked to, or was told to stop by a signal
  failed = 1,       ///< this machine: memory, a missing GStreamer plugin, an error in a pipeline
  usage = 2,        ///< the command line makes no sense
  unreachable = 3,  ///< no relay could be reached, and the retries are used up
  refused = 4,      ///< the relay said why it will not, and trying again would not help
  source = 5,       ///< camera: the source cannot be opened or failed; player: nothing to decode
  file = 6,         ///< player: the file of --save cannot be written
};

}  // namespace client

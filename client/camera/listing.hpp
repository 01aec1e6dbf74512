#pragma once

#include <string>
#include <vector>

#include "client/camera/encoder.hpp"

namespace client::camera {

/// A source of this machine.
struct Device {
  std::string source;  ///< as it is given on the command line
  std::string name;    ///< for people
};

/// The cameras that GStreamer's device monitor finds, and the screen.
std::vector<Device> find_devices();

/// What `--list` prints: devices, and encoders with what was found out by trying each, or why it
/// was not tried.
std::string to_listing(const std::vector<Device>& devices, Probe& probe);

}  // namespace client::camera

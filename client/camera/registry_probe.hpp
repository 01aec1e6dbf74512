#pragma once

#include <string_view>

#include "client/camera/encoder.hpp"

namespace client::camera {

/// Looks for encoders in GStreamer's registry.
class RegistryProbe : public Probe {
 public:
  bool has(std::string_view element) override;
  bool works(const Encoder& encoder) override;
};

}  // namespace client::camera

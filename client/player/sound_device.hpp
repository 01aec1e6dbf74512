#pragma once

#include <memory>
#include <span>
#include <string>

#include "relay/base/time.hpp"

namespace client {

/// The machine's sound output, through SDL: asks for stereo at 48 kHz when it needs it.
class SoundDevice {
 public:
  class Source {
   public:
    virtual ~Source() = default;
    /// Fills all of it, soon. `at`: when the first of it is heard. On a thread of the device's.
    virtual void take_sound(std::span<float> out, base::Time at) noexcept = 0;
  };

  /// `why_not`: a sentence, if there is none to be had.
  SoundDevice(Source& source, std::string& why_not);
  ~SoundDevice();
  SoundDevice(const SoundDevice&) = delete;
  SoundDevice& operator=(const SoundDevice&) = delete;

  bool is_open() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace client

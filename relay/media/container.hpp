#pragma once

#include <cstdint>

#include "relay/media/track.hpp"

namespace media {

/// The formats that a stream can be published and watched in. `wire`: messages of the Spancast wire
/// protocol, with samples as they are.
enum class Container : std::uint8_t { mpegts, fmp4, wire };

/// Whether a container can hold frames of a codec.
constexpr bool can_hold(Container container, Codec codec) noexcept {
  if (container == Container::wire) return true;
  switch (codec) {
    case Codec::h264:
    case Codec::h265:
    case Codec::aac:
    case Codec::opus:
    case Codec::mp3:
      return true;
    case Codec::av1:
    case Codec::vp9:
      return container == Container::fmp4;
    case Codec::unknown:
      break;
  }
  return false;
}

}  // namespace media

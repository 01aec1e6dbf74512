#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

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

/// What the first bytes of a stream are of: MPEG-TS begins with its sync byte (ISO
/// 13818-1, 2.4.3.2), MP4 with the type of a box (ISO 14496-12, 4.2).
constexpr std::size_t container_head_bytes = 8;
struct Detected {
  std::optional<Container> container;  ///< nothing: neither, or too few bytes
  bool is_decided = false;
};
constexpr Detected detect_container(std::string_view head) noexcept {
  constexpr std::array<std::string_view, 10> boxes = {"ftyp", "styp", "moov", "moof", "free",
                                                      "skip", "sidx", "emsg", "prft", "uuid"};
  if (head.empty()) return {};
  if (head.front() == 0x47) return {Container::mpegts, true};
  if (head.size() < container_head_bytes) return {};
  const bool is_box = std::find(boxes.begin(), boxes.end(), head.substr(4, 4)) != boxes.end();
  return {is_box ? std::optional(Container::fmp4) : std::nullopt, true};
}

}  // namespace media

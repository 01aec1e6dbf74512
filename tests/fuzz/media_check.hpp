#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "relay/base/assert.hpp"
#include "relay/media/container.hpp"

namespace fuzz {

/// What a viewer is sent, at any cuts: whole MPEG-TS packets, or whole boxes of a movie that begins
/// with its initialisation segment.
class MediaCheck {
 public:
  explicit MediaCheck(media::Container container) : container_(container) {}

  void feed(std::string_view bytes) {
    while (!bytes.empty()) {
      if (skip_ == 0 && !begin_unit(bytes)) return;
      const std::size_t part = std::min<std::size_t>(skip_, bytes.size());
      skip_ -= part;
      bytes.remove_prefix(part);
    }
  }
  /// A wire image ends here: never inside a packet or a box.
  void end_image() const { RELAY_ASSERT(skip_ == 0 && head_.empty()); }

 private:
  // Of a packet its first byte, of a box its head; false while that is incomplete.
  bool begin_unit(std::string_view& bytes) {
    if (container_ == media::Container::mpegts) {
      RELAY_ASSERT(bytes.front() == 0x47);
      skip_ = 188;
      return true;
    }
    const std::size_t part = std::min(8 - head_.size(), bytes.size());
    head_.append(bytes.substr(0, part));
    bytes.remove_prefix(part);
    if (head_.size() < 8) return false;
    const std::string_view type = std::string_view(head_).substr(4);
    RELAY_ASSERT(type == "ftyp" || type == "moov" || type == "moof" || type == "mdat");
    RELAY_ASSERT(seen_head_ || type == "ftyp");
    seen_head_ = true;
    std::uint32_t size = 0;
    for (int index = 0; index < 4; ++index) {
      size = size << 8 | static_cast<unsigned char>(head_[static_cast<std::size_t>(index)]);
    }
    RELAY_ASSERT(size >= 8);
    head_.clear();
    skip_ = size - 8;
    return true;
  }

  media::Container container_;
  std::string head_;
  std::uint64_t skip_ = 0;  // left of the packet or box
  bool seen_head_ = false;
};

}  // namespace fuzz

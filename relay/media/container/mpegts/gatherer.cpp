#include "relay/media/container/mpegts/gatherer.hpp"

#include <algorithm>
#include <cstring>

#include "relay/base/assert.hpp"

namespace mpegts {

using memory::WindowList;

base::Result<void> Gatherer::copy_payload(WindowList& out, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto space = writer_.space(1);
    if (!space) return space.error();
    const std::size_t count = std::min(bytes.size(), space->size());
    // Gathered: an MP4 sample is one run of bytes, in MPEG-TS it lies between packet headers.
    std::memcpy(space->data(), bytes.data(), count);
    out.push_back(writer_.window(space->first(count)));
    writer_.advance(count);
    bytes = bytes.subspan(count);
  }
  return {};
}

base::Result<void> Gatherer::begin_length(WindowList& out) {
  const auto space = writer_.space(4);
  if (!space) return space.error();
  length_ = space->data();
  std::memset(length_, 0, 4);
  out.push_back(writer_.window(space->first(4)));
  writer_.advance(4);
  return {};
}

// Nobody but us has seen the window yet, so its bytes may still change.
void Gatherer::end_length(std::uint32_t bytes) noexcept {
  RELAY_ASSERT(length_ != nullptr);
  for (int index = 0; index < 4; ++index) {
    length_[index] = static_cast<std::byte>(bytes >> (24 - 8 * index) & 0xFF);
  }
  length_ = nullptr;
}

}  // namespace mpegts

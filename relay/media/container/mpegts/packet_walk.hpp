#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "relay/media/container/mpegts/packet.hpp"
#include "relay/memory/window_list.hpp"

namespace mpegts {

/// Where a packet lies in a WindowList: behind so many bytes of the window with that index.
struct PacketPlace {
  std::size_t window = 0;
  std::size_t offset = 0;
};

/// Calls `visit(PacketBytes, PacketPlace)` for each whole packet of windows cut anywhere, until it
/// returns false. Packets are looked at in place; one that lies across windows is copied, to the
/// stack, to be looked at.
template <class Visit>
void walk_packets(const memory::WindowList& packets, Visit&& visit) {
  std::array<std::byte, packet_bytes> copy;
  std::size_t copied = 0;
  PacketPlace begin;
  for (std::size_t index = 0; index < packets.count(); ++index) {
    const auto bytes = packets[index].bytes();
    std::size_t at = 0;
    if (copied > 0) {
      at = std::min(packet_bytes - copied, bytes.size());
      std::copy_n(bytes.begin(), at, copy.begin() + static_cast<std::ptrdiff_t>(copied));
      copied += at;
      if (copied < packet_bytes) continue;
      copied = 0;
      if (!visit(PacketBytes(copy), begin)) return;
    }
    for (; bytes.size() - at >= packet_bytes; at += packet_bytes) {
      if (!visit(bytes.subspan(at).template first<packet_bytes>(), PacketPlace{index, at})) return;
    }
    begin = {index, at};
    copied = bytes.size() - at;
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), copied, copy.begin());
  }
}

}  // namespace mpegts

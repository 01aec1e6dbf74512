#include "relay/media/container/mpegts/packet.hpp"

namespace mpegts {

// 2.4.3.4. A field of no byte, or without any flag, is there for its length alone.
bool Packet::is_stuffed() const noexcept {
  if (!has_adaptation()) return false;
  const std::size_t length = at(4);
  if (length > packet_bytes - 5) return false;  // broken
  if (length == 0 || at(5) == 0) return true;
  const unsigned flags = at(5);
  std::size_t used = 1;
  if ((flags & 0x10) != 0) used += 6;  // PCR
  if ((flags & 0x08) != 0) used += 6;  // OPCR
  if ((flags & 0x04) != 0) used += 1;  // splice_countdown
  // Private data and the extension say their own length in their first byte.
  for (const unsigned flag : {0x02U, 0x01U}) {
    if ((flags & flag) == 0) continue;
    if (used >= length) return false;  // broken
    used += 1 + at(5 + used);
  }
  return length > used;
}

}  // namespace mpegts

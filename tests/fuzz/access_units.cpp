// Pieces of H.264 or H.265 as an RTP depayloader hands them out. The first byte chooses the codec;
// each piece is a byte of flags, one of length and so many bytes. What is cut from a piece lies in
// it, and what is put together is bounded.
#include "client/camera/access_units.hpp"

#include <chrono>
#include <cstdint>
#include <span>

#include "relay/base/assert.hpp"

namespace {

using client::camera::AccessUnits;

void check_within(AccessUnits::Bytes part, AccessUnits::Bytes piece) {
  RELAY_ASSERT(part.empty() || (part.data() >= piece.data() &&
                                part.data() + part.size() <= piece.data() + piece.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto input = std::as_bytes(std::span(data, size));
  if (input.empty()) return 0;
  const bool is_h265 = (std::to_integer<unsigned>(input[0]) & 1) != 0;
  input = input.subspan(1);
  AccessUnits units(is_h265 ? media::Codec::h265 : media::Codec::h264);
  std::chrono::milliseconds time{0};
  bool is_first = true;
  while (input.size() >= 2) {
    const auto flags = std::to_integer<unsigned>(input[0]);
    const std::size_t length =
        std::min<std::size_t>(std::to_integer<unsigned>(input[1]), input.size() - 2);
    const AccessUnits::Bytes piece = input.subspan(2, length);
    input = input.subspan(2 + length);
    if ((flags & 1) != 0) time += std::chrono::milliseconds(40);
    const auto pts = (flags & 4) != 0 ? std::nullopt : std::optional<base::Duration>(time);
    const auto verdict = units.add(pts, (flags & 2) != 0, piece);
    RELAY_ASSERT(!(is_first && verdict.continues));
    RELAY_ASSERT(!verdict.is_behind_slice || verdict.continues);
    is_first = false;
    for (const auto part : units.slices_of(piece)) check_within(part, piece);
    static_cast<void>(units.has_broken_sets(piece));
  }
  return 0;
}

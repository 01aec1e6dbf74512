#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace bench {

/// The last 32 bytes of every video frame: an 8-byte magic, the frame's number and the time of its
/// send as hexadecimal digits. Text, because H.264 forbids the zero runs of binary numbers; the
/// filler of the frames has the top bit set, so that the magic occurs nowhere else.
struct Marker {
  static constexpr std::size_t size = 32;
  std::uint64_t frame = 0;
  std::int64_t sent_ns = 0;
};

void write_marker(std::span<std::byte, Marker::size> place, const Marker& marker);
std::optional<Marker> read_marker(std::span<const std::byte> place);

/// The offset of the first complete marker in `bytes`.
std::optional<std::size_t> find_marker(std::span<const std::byte> bytes);

}  // namespace bench

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "relay/base/byte_reader.hpp"
#include "relay/base/result.hpp"
#include "relay/media/container/fmp4/errc.hpp"

namespace fmp4 {

/// A box type or a brand: four characters.
using FourCc = std::uint32_t;

constexpr FourCc fourcc(const char (&name)[5]) noexcept {
  FourCc value = 0;
  for (int at = 0; at < 4; ++at) value = value << 8 | static_cast<unsigned char>(name[at]);
  return value;
}

///     +--------+--------+----------------+
///     | size 4 | type 4 | largesize 8    |   size 1: the size is in largesize,
///     +--------+--------+----------------+   size 0: to the end of the file
///
/// ISO/IEC 14496-12, 4.2. The user type of a `uuid` box counts as payload here.
struct BoxHeader {
  static constexpr std::size_t bytes_min = 8;
  static constexpr std::size_t bytes_max = 16;

  FourCc type = 0;
  std::uint8_t header_bytes = bytes_min;
  std::optional<std::uint64_t> payload_bytes;  ///< nothing: to the end
};

/// Nothing while `bytes` hold less than the header; Errc::bad_box_size.
base::Result<std::optional<BoxHeader>> parse_box_header(std::span<const std::byte> bytes) noexcept;

struct Box {
  FourCc type = 0;
  std::span<const std::byte> payload;
};

/// The version and flags that begin a full box's payload (4.2).
struct FullBox {
  explicit FullBox(base::ByteReader& reader) noexcept : version(reader.u8()), flags(reader.u24()) {}
  std::uint8_t version;
  std::uint32_t flags;
};

/// Walks the boxes inside a box. Each must lie inside its parent; up to seven zeros behind the last
/// are fine (QuickTime ends lists so).
class BoxWalk {
 public:
  explicit BoxWalk(std::span<const std::byte> payload) noexcept : rest_(payload) {}
  /// Nothing behind the last.
  base::Result<std::optional<Box>> next() noexcept;

 private:
  std::span<const std::byte> rest_;
};

/// Calls `visit(Box)` for each box in `payload` until one returns an error.
template <class Visit>
base::Result<void> for_each_box(std::span<const std::byte> payload, Visit&& visit) {
  BoxWalk walk(payload);
  while (true) {
    const auto box = walk.next();
    if (!box) return box.error();
    if (!*box) return {};
    if (base::Result<void> visited = visit(**box); !visited) return visited;
  }
}

}  // namespace fmp4

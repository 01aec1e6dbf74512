#include "relay/media/container/fmp4/box.hpp"

#include <algorithm>

namespace fmp4 {

base::Result<std::optional<BoxHeader>> parse_box_header(std::span<const std::byte> bytes) noexcept {
  if (bytes.size() < BoxHeader::bytes_min) return std::nullopt;
  base::ByteReader reader(bytes);
  std::uint64_t size = reader.u32();
  BoxHeader header;
  header.type = reader.u32();
  if (size == 0) return header;
  if (size == 1) {
    if (bytes.size() < BoxHeader::bytes_max) return std::nullopt;
    header.header_bytes = BoxHeader::bytes_max;
    size = reader.u64();
  }
  if (size < header.header_bytes) return Errc::bad_box_size;
  header.payload_bytes = size - header.header_bytes;
  return header;
}

base::Result<std::optional<Box>> BoxWalk::next() noexcept {
  if (rest_.size() < BoxHeader::bytes_min) {
    const bool is_padding =
        std::all_of(rest_.begin(), rest_.end(), [](std::byte byte) { return byte == std::byte{}; });
    if (!is_padding) return Errc::truncated_box;
    return std::nullopt;
  }
  const auto header = parse_box_header(rest_);
  if (!header) return header.error();
  if (!*header) return Errc::truncated_box;
  // Only a file's last box may go to the end, and this one has a parent.
  if (!(*header)->payload_bytes) return Errc::bad_box_size;
  const auto payload = rest_.subspan((*header)->header_bytes);
  const std::uint64_t size = *(*header)->payload_bytes;
  if (size > payload.size()) return Errc::truncated_box;
  const Box box{(*header)->type, payload.first(static_cast<std::size_t>(size))};
  rest_ = payload.subspan(box.payload.size());
  return box;
}

}  // namespace fmp4

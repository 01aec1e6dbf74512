#include "relay/disk/uuid_box.hpp"

#include <algorithm>

#include "relay/base/byte_reader.hpp"
#include "relay/media/container/fmp4/box.hpp"

namespace disk {

static_assert(head_type.size() == 16 && chunk_type.size() == 16 && index_type.size() == 16);

std::optional<std::uint32_t> uuid_box_bytes(std::span<const std::byte> bytes,
                                            std::string_view type) noexcept {
  base::ByteReader reader(bytes);
  const std::uint32_t size = reader.u32();
  const bool is_uuid = reader.u32() == fmp4::fourcc("uuid");
  const auto user_type = reader.take(type.size());
  const bool is_it = reader.ok() && is_uuid && size >= uuid_head_bytes &&
                     std::ranges::equal(user_type, std::as_bytes(std::span(type)));
  return is_it ? std::optional(size) : std::nullopt;
}

std::size_t begin_uuid_box(fmp4::BoxWriter& out, std::string_view type) noexcept {
  const std::size_t box = out.begin("uuid");
  out.bytes(std::as_bytes(std::span(type)));
  return box;
}

}  // namespace disk

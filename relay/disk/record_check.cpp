#include "relay/disk/record_check.hpp"

#include <algorithm>

#include "relay/base/assert.hpp"
#include "relay/disk/errc.hpp"

namespace disk {

base::Result<std::size_t> RecordCheck::feed(std::span<const std::byte> bytes) {
  RELAY_ASSERT(!is_whole_);
  const std::size_t offered = bytes.size();
  if (!has_header_) {
    if (auto taken = take_header(bytes); !taken) return taken.error();
  }
  if (has_header_) {
    if (auto taken = take_payload(bytes); !taken) return taken.error();
  }
  return offered - bytes.size();
}

base::Result<void> RecordCheck::take_header(std::span<const std::byte>& bytes) {
  if (!gather(bytes, chunk_box_size_bytes)) return {};
  if (!has_box_) {
    const auto size = find_chunk_box(header_);
    if (!size) return Errc::foreign_bytes;
    if (size->box_bytes > chunk_box_bytes_max) return Errc::bad_record;
    if (!gather(bytes, size->box_bytes)) return {};
    if (auto read = read_chunk_box(header_, box_); !read) return read;
    has_box_ = true;
  }
  if (!gather(bytes, box_.header_bytes())) return {};
  if (record_checksum(header_) != box_.header_checksum) return Errc::bad_checksum;
  has_header_ = true;
  payload_left_ = box_.payload_bytes;
  return {};
}

// True: so many are there.
bool RecordCheck::gather(std::span<const std::byte>& bytes, std::size_t wanted) {
  if (header_.size() >= wanted) return true;
  const auto part = bytes.first(std::min(bytes.size(), wanted - header_.size()));
  header_.insert(header_.end(), part.begin(), part.end());
  bytes = bytes.subspan(part.size());
  return header_.size() == wanted;
}

base::Result<void> RecordCheck::take_payload(std::span<const std::byte>& bytes) {
  const auto part = bytes.first(std::min<std::size_t>(bytes.size(), payload_left_));
  payload_.add(part);
  bytes = bytes.subspan(part.size());
  payload_left_ -= static_cast<std::uint32_t>(part.size());
  if (payload_left_ > 0) return {};
  if (payload_.value() != box_.payload_checksum) return Errc::bad_checksum;
  is_whole_ = true;
  return {};
}

void RecordCheck::restart() noexcept {
  header_.clear();
  has_box_ = false;
  has_header_ = false;
  is_whole_ = false;
  payload_ = {};
}

}  // namespace disk

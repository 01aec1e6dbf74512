#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/disk/chunk_box.hpp"
#include "relay/protocol/wire/checksum.hpp"

namespace disk {

/// Checks records as their bytes come, cut anywhere. Keeps the header of one, at most
/// `record_header_bytes_max`.
class RecordCheck {
 public:
  /// Takes what of `bytes` belongs to the record, and says how much that was. An error: it is not
  /// what was written. Errc::foreign_bytes, Errc::bad_record, Errc::bad_checksum.
  base::Result<std::size_t> feed(std::span<const std::byte> bytes);
  /// Nothing is missing, and all of it is right.
  bool is_whole() const noexcept { return is_whole_; }
  /// Of a record of which the header has come.
  const ChunkBox& box() const noexcept { return box_; }
  /// Another record comes.
  void restart() noexcept;

 private:
  base::Result<void> take_header(std::span<const std::byte>& bytes);
  bool gather(std::span<const std::byte>& bytes, std::size_t wanted);
  base::Result<void> take_payload(std::span<const std::byte>& bytes);

  ChunkBox box_;
  std::vector<std::byte> header_;
  bool has_box_ = false;
  bool has_header_ = false;
  bool is_whole_ = false;
  wire::Checksum payload_;
  std::uint32_t payload_left_ = 0;
};

}  // namespace disk

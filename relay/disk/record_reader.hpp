#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/disk/chunk_box.hpp"
#include "relay/disk/head_box.hpp"
#include "relay/memory/window_list.hpp"
#include "relay/stream/chunk.hpp"

namespace disk {

/// Makes chunks of a log of the records of segment files. On the worker of whoever reads; the
/// payload stays where it is. Checksums are the business of `check_record()`, before.
class RecordReader {
 public:
  /// A segment begins: everything before its first record. Where its tracks are those of the
  /// segment before, chunks go on with the same objects.
  base::Result<void> begin(std::span<const std::byte> head);
  /// Of the segment that has begun.
  const Head& head() const noexcept { return head_; }

  /// One whole record. The chunk is as it was in the log, but for what only the log knows
  /// (`sequence`, `gap`, `received`, `ahead` are 0) and what only MPEG-TS passed on as it came has:
  /// it has samples, whatever it came in, and its `container` is not MPEG-TS.
  base::Result<stream::Chunk> read(memory::WindowList record);

 private:
  base::Result<void> read_box(const memory::WindowList& record);
  stream::Chunk numbers() const;

  Head head_;
  // Kept for their memory.
  ChunkBox box_;
  std::vector<std::byte> box_bytes_;
};

}  // namespace disk

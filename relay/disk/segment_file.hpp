#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <utility>

#include "relay/base/result.hpp"

namespace disk {

/// The file of a segment that is being written. Blocks: for the threads of the pool, one at a time.
/// What was written stays when this goes.
class SegmentFile {
 public:
  /// What of the folders is made to survive a loss of power: nothing, the new entry in the last of
  /// them, or all up to the root.
  enum class Folders : std::uint8_t { none, last, all };

  SegmentFile() noexcept = default;
  SegmentFile(SegmentFile&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), bytes_(other.bytes_) {}
  SegmentFile& operator=(SegmentFile&& other) noexcept;
  ~SegmentFile() { close(); }

  /// Makes `file`, which must be new, with the folders that are missing below `root`, and writes
  /// its head. Where that fails the file is not there.
  static base::Result<SegmentFile> create(const std::filesystem::path& root,
                                          const std::filesystem::path& file, std::string_view head,
                                          Folders folders);

  bool is_open() const noexcept { return descriptor_ >= 0; }
  /// What it has, as far as that is known to be written.
  std::uint64_t bytes() const noexcept { return bytes_; }

  /// Appends all of it, in as few calls as may be; changes `buffers`. On failure `bytes()` tells
  /// how far it came.
  base::Result<void> write(std::span<iovec> buffers);
  base::Result<void> write(std::string_view text);
  /// Only the first so many bytes stay.
  base::Result<void> cut(std::uint64_t bytes);
  /// Waits until the disk has it.
  base::Result<void> sync();
  void close() noexcept;

 private:
  explicit SegmentFile(int descriptor) noexcept : descriptor_(descriptor) {}

  int descriptor_ = -1;
  std::uint64_t bytes_ = 0;
};

}  // namespace disk

#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>

#include "relay/base/result.hpp"
#include "relay/disk/byte_source.hpp"
#include "relay/disk/clip_plan.hpp"
#include "relay/protocol/wire/checksum.hpp"

namespace disk {

/// Reads the content of a clip. Nothing leaves it that is not what was recorded: where only a part
/// of a record's payload is asked for, all of it is read and checked before, once. Blocks, for the
/// threads of the pool; one at a time.
class ClipSource {
 public:
  ClipSource(std::filesystem::path root, std::shared_ptr<const ClipPlan> plan)
      : root_(std::move(root)), plan_(std::move(plan)) {}

  /// Fills `out` with what lies at `offset` of the content. Errc::bad_checksum, Errc::cut_record,
  /// or what the system says of the file.
  base::Result<void> read(std::uint64_t offset, std::span<std::byte> out);

 private:
  base::Result<void> seek(std::uint64_t offset);
  base::Result<void> begin_file(std::size_t index);
  base::Result<void> next_piece();
  base::Result<void> check_piece();

  const ClipPlan::Piece& piece() const noexcept { return plan_->pieces[piece_]; }

  const std::filesystem::path root_;
  const std::shared_ptr<const ClipPlan> plan_;
  std::optional<FileSource> file_;
  std::size_t file_index_ = 0;  // of the one that is open
  std::size_t piece_ = 0;       // with the bytes that were read last
  std::uint64_t piece_begin_ = 0;
  std::optional<std::size_t> checked_;  // the last piece of which all is known to be right
};

}  // namespace disk

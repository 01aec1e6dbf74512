#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "relay/base/result.hpp"
#include "relay/memory/block_writer.hpp"
#include "relay/memory/window_list.hpp"

namespace mpegts {

/// Puts the payload of one track, which packets scattered in pieces of 184 bytes, together in
/// blocks of the arena. One per track, so that a sample is one window or two.
class Gatherer {
 public:
  explicit Gatherer(memory::BlockPool& pool) noexcept : writer_(pool) {}

  /// Appends the bytes to `out`. This is the one copy that each payload byte sees.
  base::Result<void> copy_payload(memory::WindowList& out, std::span<const std::byte> bytes);
  /// Appends the length of a NAL unit, four bytes in one block, to be told by `end_length`.
  base::Result<void> begin_length(memory::WindowList& out);
  void end_length(std::uint32_t bytes) noexcept;
  /// There will be no `end_length`.
  void drop_length() noexcept { length_ = nullptr; }
  bool has_length() const noexcept { return length_ != nullptr; }

 private:
  memory::BlockWriter writer_;
  // Points into a block that the list given to `begin_length` holds.
  std::byte* length_ = nullptr;
};

}  // namespace mpegts

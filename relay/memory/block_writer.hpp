#pragma once

#include <cstddef>
#include <span>

#include "relay/base/result.hpp"
#include "relay/memory/window.hpp"

namespace memory {

/// Fills blocks front to back: the place where received bytes and generated headers come to lie.
/// Bytes before the write position are cut into windows and never change again.
class BlockWriter {
 public:
  /// The blocks it takes are counted in `account`.
  explicit BlockWriter(BlockPool& pool, Account* account = nullptr) noexcept
      : pool_(pool), account_(account) {}
  ~BlockWriter() { let_go(); }
  BlockWriter(const BlockWriter&) = delete;
  BlockWriter& operator=(const BlockWriter&) = delete;

  /// True when `space(least)` needs no new block.
  bool has_space(std::size_t least) const noexcept {
    return hold_ != nullptr && pool_.arena().block_bytes() - used_ >= least;
  }
  /// The free rest of the current block; a new block begins when fewer than `least` bytes are left
  /// (`least` at most a block). Errc::arena_full when a new one is needed and none is free.
  base::Result<std::span<std::byte>> space(std::size_t least);

  /// Moves the write position over `count` bytes at the start of the last `space()`.
  void advance(std::size_t count) noexcept;

  /// Takes the last `count` bytes back, on which there must be no window.
  void rewind(std::size_t count) noexcept;

  /// The current block up to the write position: what never changes again.
  std::span<const std::byte> written() const noexcept;

  /// A window on bytes of the current block, which lie before or behind the write position.
  Window window(std::span<const std::byte> bytes) const noexcept { return {hold_, bytes}; }

  /// Writes a small generated header (copies it) and returns its window. At most a block long.
  base::Result<Window> copy_header(std::span<const std::byte> bytes);

  /// Lets the current block go; windows on it keep it alive.
  void let_go() noexcept;

 private:
  BlockPool& pool_;
  Account* account_;
  BlockHold* hold_ = nullptr;
  std::size_t used_ = 0;
};

}  // namespace memory

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/memory/arena.hpp"

namespace memory {

class BlockPool;

/// How many windows and writers of one worker hold a block. Owned by the worker's BlockPool.
struct BlockHold {
  BlockPool* pool;
  std::uint32_t count;
  BlockIndex index;
};

/// One worker's side of the arena: counts its own holders of each block with plain integers and
/// keeps a few free blocks ready. Used by that worker's thread only; outlives all its windows.
class BlockPool {
 public:
  explicit BlockPool(Arena& arena);
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  Arena& arena() noexcept { return arena_; }

  /// A free block, held once for the caller, who calls `release()`. Errc::arena_full when none.
  base::Result<BlockHold*> take();

  /// Takes over the count of workers that a parcel brought along and holds the block once.
  BlockHold* adopt(BlockIndex index) noexcept;

  static void hold(BlockHold* hold) noexcept { ++hold->count; }
  static void release(BlockHold* hold) noexcept {
    if (--hold->count == 0) hold->pool->released(hold->index);
  }

  /// Free blocks this worker keeps ready.
  std::size_t ready_count() const noexcept { return ready_.size(); }
  /// Blocks that objects of this worker hold.
  std::size_t held_count() const noexcept { return held_count_; }
  /// Gives the blocks kept ready back to the others, as when the arena runs full.
  void give_back_ready();

 private:
  void released(BlockIndex index) noexcept;

  Arena& arena_;
  std::vector<BlockHold> holds_;
  std::vector<BlockIndex> ready_;
  std::size_t held_count_ = 0;
};

}  // namespace memory

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/memory/arena.hpp"

namespace memory {

class BlockPool;

/// Counts the blocks that were filled for somebody and that their worker still holds. Costs a step
/// up and a step down a block. Outlives its owner while there are such blocks.
class Account {
 public:
  struct Close {
    void operator()(Account* account) const noexcept;
  };

  std::uint32_t blocks() const noexcept { return blocks_; }

 private:
  friend class BlockPool;
  std::uint32_t blocks_ = 0;
  bool is_open_ = true;
};
using OwnedAccount = std::unique_ptr<Account, Account::Close>;

/// How many windows and writers of one worker hold a block. Owned by the worker's BlockPool.
struct BlockHold {
  BlockPool* pool;
  Account* account;  ///< null: nobody's
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
  base::Result<BlockHold*> take(Account* account = nullptr);
  /// For one who fills blocks of this pool.
  OwnedAccount open_account() { return OwnedAccount(new Account); }

  /// Takes over the count of workers that a parcel brought along and holds the block once.
  BlockHold* adopt(BlockIndex index) noexcept;

  static void hold(BlockHold* hold) noexcept { ++hold->count; }
  static void release(BlockHold* hold) noexcept {
    if (--hold->count == 0) hold->pool->released(hold->index);
  }

  /// Free blocks this worker keeps ready.
  std::size_t ready_count() const noexcept { return ready_.size(); }
  /// Blocks that this worker could take now.
  std::size_t free_count() const noexcept { return ready_.size() + arena_.free_count(); }
  /// Blocks that objects of this worker hold.
  std::size_t held_count() const noexcept { return held_count_; }
  /// Gives the blocks kept ready back to the others, as when the arena runs full.
  void give_back_ready();

 private:
  void released(BlockIndex index) noexcept;
  static void settle(Account* account) noexcept;

  Arena& arena_;
  std::vector<BlockHold> holds_;
  std::vector<BlockIndex> ready_;
  std::size_t held_count_ = 0;
};

}  // namespace memory

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace memory {

using BlockIndex = std::uint32_t;

/// One preallocated shared mapping of equal blocks: the only place for payload, and a hard limit.
/// `main` owns it; it outlives every worker. The list of free blocks is shared behind one lock and
/// used many blocks at a time (`batch()`); a block's count of workers is atomic. Which of a
/// worker's objects hold a block is counted by that worker's BlockPool, without atomics.
class Arena {
 public:
  /// Maps `bytes` rounded down to whole blocks (at least four). `block_bytes`: 4 KiB to 16 MiB, a
  /// power of two. Throws std::system_error when the memory cannot be had.
  Arena(std::size_t bytes, std::size_t block_bytes);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  std::size_t block_bytes() const noexcept { return block_bytes_; }
  BlockIndex block_count() const noexcept { return block_count_; }
  std::size_t bytes() const noexcept { return block_bytes_ * block_count_; }
  /// Blocks on the shared free list; those that workers keep ready are not among them. Any thread,
  /// without the lock: as of a moment ago.
  BlockIndex free_count() const noexcept { return free_count_.load(std::memory_order_relaxed); }
  /// How many blocks are taken or given back at once: 16, fewer in a small arena.
  BlockIndex batch() const noexcept { return batch_; }

  std::byte* block(BlockIndex index) noexcept { return base_ + std::size_t{index} * block_bytes_; }

  /// Fills `out` with free blocks; returns how many there were.
  std::size_t take(std::span<BlockIndex> out);
  void give(std::span<const BlockIndex> blocks);

  /// How many workers (and parcels) hold the block.
  std::uint32_t workers(BlockIndex index) const noexcept {
    return workers_[index].load(std::memory_order_relaxed);
  }
  /// One more worker (or parcel between workers) holds the block.
  void add_worker(BlockIndex index) noexcept {
    workers_[index].fetch_add(1, std::memory_order_relaxed);
  }
  /// One fewer; true when nobody holds it any more and the caller must give it back.
  [[nodiscard]] bool drop_worker(BlockIndex index) noexcept {
    return workers_[index].fetch_sub(1, std::memory_order_acq_rel) == 1;
  }

 private:
  std::size_t block_bytes_;
  BlockIndex block_count_;
  BlockIndex batch_;
  std::byte* base_ = nullptr;
  std::unique_ptr<std::atomic<std::uint32_t>[]> workers_;
  std::mutex free_blocks_lock_;
  std::vector<BlockIndex> free_blocks_;
  std::atomic<BlockIndex> free_count_;  // written under the lock
};

}  // namespace memory

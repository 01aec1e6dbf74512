#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "relay/disk/past_pace.hpp"
#include "relay/disk/store.hpp"
#include "relay/memory/block_pool.hpp"

namespace disk {

/// What one worker may use of the arena for what it reads back. All workers together have a budget
/// (`Store::past_bytes_max()`), and none takes the last free blocks: those are for what is live.
class PastMemory {
 public:
  PastMemory(Store& store, memory::BlockPool& pool)
      : store_(store), pool_(pool), account_(pool.open_account()) {}
  ~PastMemory() { settle(0); }
  PastMemory(const PastMemory&) = delete;
  PastMemory& operator=(const PastMemory&) = delete;

  /// Blocks for `bytes`, or fewer, but for `least` of them; none when that is too much now.
  std::vector<memory::BlockHold*> take(std::size_t bytes, std::size_t least);
  /// Somebody got none since this was last asked.
  bool take_refused() noexcept { return std::exchange(has_refused_, false); }
  /// What each of so many streams may keep.
  PastPace::Room room(std::size_t streams) const noexcept;
  /// Says what is used: the blocks, and so many bytes made of what is in them.
  void settle(std::uint64_t converted_bytes) noexcept;

 private:
  std::size_t blocks_for(std::size_t bytes) const noexcept;
  std::size_t blocks_allowed() const noexcept;
  std::uint64_t block_bytes() const noexcept { return pool_.arena().block_bytes(); }

  Store& store_;
  memory::BlockPool& pool_;
  memory::OwnedAccount account_;
  bool has_refused_ = false;
  std::uint64_t settled_ = 0;    // of `Store::past_bytes`, what is ours
  std::uint64_t converted_ = 0;  // of that
};

}  // namespace disk

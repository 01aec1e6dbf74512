#include "relay/disk/past_memory.hpp"

#include <algorithm>

#include "relay/stream/pressure.hpp"

namespace disk {

std::size_t PastMemory::blocks_for(std::size_t bytes) const noexcept {
  return (bytes + block_bytes() - 1) / block_bytes();
}

std::size_t PastMemory::blocks_allowed() const noexcept {
  const std::size_t kept = 2 * std::size_t{stream::reserved_blocks(pool_.arena().block_count())};
  const std::size_t free = pool_.free_count();
  if (free <= kept) return 0;
  const std::uint64_t used = store_.past_bytes.load(std::memory_order_relaxed);
  // One chunk may be larger than all that there is for the past.
  if (used == 0) return free - kept;
  if (used >= store_.past_bytes_max()) return 0;
  return std::min<std::size_t>(free - kept, (store_.past_bytes_max() - used) / block_bytes());
}

std::vector<memory::BlockHold*> PastMemory::take(std::size_t bytes, std::size_t least) {
  const std::size_t allowed = blocks_allowed();
  std::vector<memory::BlockHold*> blocks;
  if (allowed == 0 || allowed < blocks_for(least)) {
    has_refused_ = true;
    return blocks;
  }
  while (blocks.size() < std::min(allowed, blocks_for(bytes))) {
    const auto block = pool_.take(account_.get());
    if (!block) break;
    blocks.push_back(*block);
  }
  if (blocks.size() < blocks_for(least)) {
    for (memory::BlockHold* block : blocks) memory::BlockPool::release(block);
    blocks.clear();
    has_refused_ = true;
  }
  settle(converted_);
  return blocks;
}

PastPace::Room PastMemory::room(std::size_t streams) const noexcept {
  const std::uint64_t most = store_.past_bytes_max();
  const std::uint64_t used = store_.past_bytes.load(std::memory_order_relaxed);
  const std::size_t kept = 4 * std::size_t{stream::reserved_blocks(pool_.arena().block_count())};
  const std::size_t part = most / 2 / std::max<std::size_t>(streams, 1);
  return {std::clamp(part, PastPace::window_min, PastPace::window_max),
          used > most / 4 * 3 || pool_.free_count() < kept};
}

void PastMemory::settle(std::uint64_t converted_bytes) noexcept {
  converted_ = converted_bytes;
  const std::uint64_t used = account_->blocks() * block_bytes() + converted_bytes;
  if (used > settled_) {
    store_.past_bytes.fetch_add(used - settled_, std::memory_order_relaxed);
  } else if (used < settled_) {
    store_.past_bytes.fetch_sub(settled_ - used, std::memory_order_relaxed);
  }
  settled_ = used;
}

}  // namespace disk

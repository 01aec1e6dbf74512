#include "relay/memory/block_writer.hpp"

#include <algorithm>
#include <utility>

namespace memory {

base::Result<std::span<std::byte>> BlockWriter::space(std::size_t least) {
  const std::size_t block_bytes = pool_.arena().block_bytes();
  RELAY_ASSERT(least <= block_bytes);
  if (!has_space(least)) {
    auto taken = pool_.take(account_);
    if (!taken) return taken.error();
    let_go();
    hold_ = *taken;
  }
  return std::span(pool_.arena().block(hold_->index), block_bytes).subspan(used_);
}

void BlockWriter::advance(std::size_t count) noexcept {
  RELAY_ASSERT(hold_ != nullptr && used_ + count <= pool_.arena().block_bytes());
  used_ += count;
}

void BlockWriter::rewind(std::size_t count) noexcept {
  RELAY_ASSERT(hold_ != nullptr && count <= used_);
  used_ -= count;
}

std::span<const std::byte> BlockWriter::written() const noexcept {
  if (hold_ == nullptr) return {};
  return {pool_.arena().block(hold_->index), used_};
}

base::Result<Window> BlockWriter::copy_header(std::span<const std::byte> bytes) {
  auto free = space(bytes.size());
  if (!free) return free.error();
  std::copy(bytes.begin(), bytes.end(), free->begin());
  advance(bytes.size());
  return window(free->first(bytes.size()));
}

void BlockWriter::let_go() noexcept {
  if (hold_ != nullptr) BlockPool::release(std::exchange(hold_, nullptr));
  used_ = 0;
}

}  // namespace memory

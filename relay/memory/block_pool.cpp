#include "relay/memory/block_pool.hpp"

#include <utility>

#include "relay/base/assert.hpp"
#include "relay/memory/errc.hpp"

namespace memory {

const char* describe(Errc errc) noexcept {
  switch (errc) {
    case Errc::arena_full:
      return "the arena is full";
  }
  return "unknown error";
}

void Account::Close::operator()(Account* account) const noexcept {
  account->is_open_ = false;
  if (account->blocks_ == 0) delete account;
}

BlockPool::BlockPool(Arena& arena) : arena_(arena), holds_(arena.block_count()) {
  for (BlockIndex index = 0; index < arena.block_count(); ++index) {
    holds_[index] = BlockHold{this, nullptr, 0, index};
  }
  // Room for everything that can be ready, so that releasing a block never allocates.
  ready_.reserve(std::size_t{arena.batch()} * 2);
}

BlockPool::~BlockPool() {
  RELAY_ASSERT(held_count_ == 0);
  give_back_ready();
}

base::Result<BlockHold*> BlockPool::take(Account* account) {
  if (ready_.empty()) {
    ready_.resize(arena_.batch());
    ready_.resize(arena_.take(ready_));
    if (ready_.empty()) return Errc::arena_full;
  }
  BlockHold& hold = holds_[ready_.back()];
  ready_.pop_back();
  RELAY_ASSERT(hold.count == 0);
  arena_.add_worker(hold.index);
  hold.count = 1;
  hold.account = account;
  if (account != nullptr) ++account->blocks_;
  ++held_count_;
  return &hold;
}

BlockHold* BlockPool::adopt(BlockIndex index) noexcept {
  BlockHold& hold = holds_[index];
  if (hold.count++ == 0) {
    ++held_count_;
  } else {
    const bool last = arena_.drop_worker(index);
    RELAY_ASSERT(!last);
  }
  return &hold;
}

void BlockPool::released(BlockIndex index) noexcept {
  --held_count_;
  if (Account* account = std::exchange(holds_[index].account, nullptr)) settle(account);
  if (!arena_.drop_worker(index)) return;
  ready_.push_back(index);
  if (ready_.size() < std::size_t{arena_.batch()} * 2) return;
  // The oldest go back; the newest is warm in this core's cache and is used next.
  const auto half = std::span(ready_).first(arena_.batch());
  arena_.give(half);
  ready_.erase(ready_.begin(), ready_.begin() + arena_.batch());
}

void BlockPool::settle(Account* account) noexcept {
  if (--account->blocks_ == 0 && !account->is_open_) delete account;
}

void BlockPool::give_back_ready() {
  arena_.give(ready_);
  ready_.clear();
}

}  // namespace memory

#include "relay/memory/parcel.hpp"

namespace memory {

Parcel::Parcel(const Window& window) noexcept : bytes_(window.bytes()) {
  if (window.hold() == nullptr) return;  // static bytes need no holder
  arena_ = &window.hold()->pool->arena();
  index_ = window.hold()->index;
  arena_->add_worker(index_);
}

Parcel::~Parcel() {
  if (arena_ != nullptr && arena_->drop_worker(index_)) arena_->give({&index_, 1});
}

Window Parcel::open(BlockPool& pool) noexcept {
  if (arena_ == nullptr) return Window::on_static(bytes_);
  RELAY_ASSERT(arena_ == &pool.arena());
  arena_ = nullptr;
  BlockHold* hold = pool.adopt(index_);
  Window window(hold, bytes_);
  BlockPool::release(hold);
  return window;
}

}  // namespace memory

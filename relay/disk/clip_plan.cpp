#include "relay/disk/clip_plan.hpp"

namespace disk {

HeldSegments::~HeldSegments() {
  for (const std::int64_t id : ids_) store_.release(id);
}

void HeldSegments::hold(std::int64_t id) {
  store_.hold(id);
  ids_.push_back(id);
}

void ClipPlan::count_memory() {
  counted_bytes_ = head.capacity() + pieces.capacity() * sizeof(Piece) +
                   files.capacity() * (sizeof(File) + sizeof(std::int64_t));
  memory_.fetch_add(counted_bytes_, std::memory_order_relaxed);
}

}  // namespace disk

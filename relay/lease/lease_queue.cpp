#include "relay/lease/lease_queue.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "relay/base/assert.hpp"

namespace lease {

LeaseQueue::LeaseQueue(std::size_t leases_max) : leases_max_(leases_max) {
  RELAY_ASSERT(leases_max <= std::numeric_limits<std::uint32_t>::max());
  slot_of_.reserve(leases_max);
  free_.reserve(leases_max);
  heap_.reserve(2 * leases_max);
}

bool LeaseQueue::Later::operator()(const Item& one, const Item& other) const noexcept {
  ++*comparisons;
  return one.due > other.due;
}

bool LeaseQueue::renew(const std::string& key, Time until) {
  comparisons_ = 0;
  auto found = slot_of_.find(key);
  if (found == slot_of_.end()) {
    if (slot_of_.size() >= leases_max_) return false;
    const std::uint32_t slot = take_slot();
    slots_[slot].key = key;
    slots_[slot].is_held = true;
    found = slot_of_.emplace(key, slot).first;
  }
  slots_[found->second].until = until;
  queue(found->second);
  return true;
}

void LeaseQueue::drop(const std::string& key) {
  comparisons_ = 0;
  const auto found = slot_of_.find(key);
  if (found != slot_of_.end()) release(found->second);
}

std::vector<std::string> LeaseQueue::expire(Time now, std::size_t items_max) {
  comparisons_ = 0;
  std::vector<std::string> ended;
  for (; items_max > 0 && !heap_.empty() && heap_.front().due <= now; --items_max) {
    const Item item = pop();
    Slot& slot = slots_[item.slot];
    if (item.serial != slot.serial) {  // one for an earlier time took its place
      --superseded_;
      continue;
    }
    slot.has_item = false;
    if (!slot.is_held) continue;
    if (slot.until > now) {
      queue(item.slot);
    } else {
      ended.push_back(slot.key);
      release(item.slot);
    }
  }
  return ended;
}

std::optional<base::Time> LeaseQueue::next() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front().due;
}

std::optional<base::Time> LeaseQueue::until(const std::string& key) const {
  const auto found = slot_of_.find(key);
  if (found == slot_of_.end()) return std::nullopt;
  return slots_[found->second].until;
}

std::uint32_t LeaseQueue::take_slot() {
  if (free_.empty()) {
    slots_.emplace_back();
    return static_cast<std::uint32_t>(slots_.size() - 1);
  }
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  return slot;
}

// Sees to it that an item comes up when the lease of the slot ends, or before.
void LeaseQueue::queue(std::uint32_t number) {
  const Slot& slot = slots_[number];
  if (!slot.has_item) {
    push(number);
  } else if (slot.until < slot.due && superseded_ < leases_max_) {
    ++superseded_;
    push(number);
  }
}

void LeaseQueue::push(std::uint32_t number) {
  Slot& slot = slots_[number];
  slot.due = slot.until;
  slot.has_item = true;
  heap_.push_back({slot.due, number, ++slot.serial});
  std::push_heap(heap_.begin(), heap_.end(), Later{&comparisons_});
}

LeaseQueue::Item LeaseQueue::pop() {
  std::pop_heap(heap_.begin(), heap_.end(), Later{&comparisons_});
  const Item item = heap_.back();
  heap_.pop_back();
  return item;
}

void LeaseQueue::release(std::uint32_t number) {
  Slot& slot = slots_[number];
  slot_of_.erase(slot.key);
  slot.key.clear();
  slot.is_held = false;
  free_.push_back(number);
}

}  // namespace lease

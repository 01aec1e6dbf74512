#include "relay/protocol/wire/keep.hpp"

#include <algorithm>
#include <utility>

#include "relay/base/assert.hpp"

namespace wire {
namespace {

std::uint64_t bytes_of(const Chunk& chunk) noexcept {
  std::uint64_t bytes = 0;
  for (const media::Sample& sample : chunk.samples) bytes += sample.payload.bytes();
  return bytes;
}

}  // namespace

std::optional<std::uint64_t> Keep::sync_from(std::uint64_t sequence) const noexcept {
  const auto found = std::ranges::lower_bound(syncs_, sequence);
  if (found == syncs_.end()) return std::nullopt;
  return *found;
}

void Keep::push(Entry entry) {
  RELAY_ASSERT(entry.chunk.position.sequence == end());
  bytes_ += bytes_of(entry.chunk);
  if (entry.chunk.sync) syncs_.push_back(entry.chunk.position.sequence);
  entries_.push_back(std::move(entry));
}

std::uint64_t Keep::trim(std::uint64_t acknowledged, base::Time now) {
  std::uint64_t lost = 0;
  while (!entries_.empty()) {
    const bool is_full = bytes_ > policy_.bytes || entries_.size() > chunks_max;
    const bool is_newest_group = !syncs_.empty() && syncs_.back() <= first_;
    const bool is_young = now - entries_.front().made <= policy_.length;
    if (!is_full && (first_ >= acknowledged || is_newest_group || is_young)) break;
    // Below the limit of chunks it is the bytes that are too many.
    if (first_ >= acknowledged && entries_.size() <= chunks_max && spill_one()) continue;
    if (first_ >= acknowledged && !entries_.front().chunk.samples.empty()) ++lost;
    drop_oldest();
  }
  return lost;
}

// The oldest whose payload is in memory.
bool Keep::spill_one() {
  if (spill_ == nullptr || spilled_ == entries_.size()) return false;
  Entry& entry = entries_[static_cast<std::size_t>(spilled_)];
  memory::WindowList payload;
  for (const media::Sample& sample : entry.chunk.samples) payload.append(sample.payload);
  if (!spill_->push(payload)) return false;
  bytes_ -= payload.bytes();
  for (media::Sample& sample : entry.chunk.samples) {
    entry.spilled.push_back(static_cast<std::uint32_t>(sample.payload.bytes()));
    sample.payload.clear();
  }
  ++spilled_;
  return true;
}

base::Result<Chunk> Keep::load(std::uint64_t sequence) const {
  const Entry& entry = at(sequence);
  Chunk chunk = entry.chunk;
  if (!is_spilled(sequence)) return chunk;
  auto payload = spill_->read(static_cast<std::size_t>(sequence - first_));
  if (!payload) return payload.error();
  for (std::size_t index = 0; index < chunk.samples.size(); ++index) {
    chunk.samples[index].payload = payload->take_front(entry.spilled[index]);
  }
  return chunk;
}

std::uint64_t Keep::lose_spilled(std::uint64_t acknowledged) {
  std::uint64_t lost = 0;
  while (spilled_ > 0) {
    if (first_ >= acknowledged && !entries_.front().chunk.samples.empty()) ++lost;
    drop_oldest();
  }
  return lost;
}

void Keep::drop_oldest() {
  if (spilled_ > 0) {
    spill_->pop();
    --spilled_;
  }
  bytes_ -= bytes_of(entries_.front().chunk);
  if (!syncs_.empty() && syncs_.front() == first_) syncs_.pop_front();
  entries_.pop_front();
  ++first_;
}

}  // namespace wire

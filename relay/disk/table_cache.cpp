#include "relay/disk/table_cache.hpp"

#include <utility>

namespace disk {
namespace {

std::size_t bytes_of(const SegmentTable& table) {
  return sizeof table + table.segment.stream.size() + table.chunks.size() * sizeof(ChunkEntry);
}

}  // namespace

std::shared_ptr<const SegmentTable> TableCache::find(std::int64_t id) {
  const std::lock_guard lock(lock_);
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return nullptr;
  tables_.splice(tables_.begin(), tables_, found->second);
  return *found->second;
}

void TableCache::keep(std::shared_ptr<const SegmentTable> table) {
  const std::lock_guard lock(lock_);
  const std::int64_t id = table->segment.id;
  if (const auto known = by_id_.find(id); known != by_id_.end()) drop(known->second);
  bytes_ += bytes_of(*table);
  tables_.push_front(std::move(table));
  by_id_[id] = tables_.begin();
  while (bytes_ > bytes_max_) drop(std::prev(tables_.end()));
}

void TableCache::forget(std::int64_t id) {
  const std::lock_guard lock(lock_);
  if (const auto known = by_id_.find(id); known != by_id_.end()) drop(known->second);
}

std::size_t TableCache::bytes() const {
  const std::lock_guard lock(lock_);
  return bytes_;
}

void TableCache::drop(Tables::iterator table) {
  bytes_ -= bytes_of(**table);
  by_id_.erase((*table)->segment.id);
  tables_.erase(table);
}

}  // namespace disk

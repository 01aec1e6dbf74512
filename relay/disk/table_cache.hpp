#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "relay/disk/segment.hpp"

namespace disk {

/// The indices that were wanted last, up to so many bytes. Any thread.
class TableCache {
 public:
  explicit TableCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  std::shared_ptr<const SegmentTable> find(std::int64_t id);
  /// Under the id of its segment; what was kept there goes.
  void keep(std::shared_ptr<const SegmentTable> table);
  void forget(std::int64_t id);
  std::size_t bytes() const;

 private:
  using Tables = std::list<std::shared_ptr<const SegmentTable>>;
  void drop(Tables::iterator table);

  const std::size_t bytes_max_;
  mutable std::mutex lock_;
  Tables tables_;  // what was wanted last comes first
  std::unordered_map<std::int64_t, Tables::iterator> by_id_;
  std::size_t bytes_ = 0;
};

}  // namespace disk

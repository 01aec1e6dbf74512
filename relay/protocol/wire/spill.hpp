#pragma once

#include <cstddef>

#include "relay/base/result.hpp"
#include "relay/memory/window_list.hpp"

namespace wire {

/// Where a camera's keep puts payload that it has no room for in memory: a queue of its oldest
/// chunks. What is in it comes out as it went in. One thread.
class Spill {
 public:
  virtual ~Spill() = default;
  /// Behind the last. False: there is no room, or it cannot be written.
  virtual bool push(const memory::WindowList& payload) = 0;
  /// Drops the oldest.
  virtual void pop() = 0;
  /// Number `index` from the oldest. memory::Errc::arena_full: later; else it is lost.
  virtual base::Result<memory::WindowList> read(std::size_t index) = 0;
};

}  // namespace wire

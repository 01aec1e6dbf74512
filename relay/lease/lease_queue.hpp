#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "relay/base/time.hpp"

namespace lease {

/// Leases by key, each with the time when it ends unless it is renewed. An object of one thread.
///
/// A lease has one item in a heap. To renew it only notes the later time, and to drop it leaves the
/// item behind: expire() finds out when the item's time has come, and puts it back if need be. What
/// was dropped gives its place, with the item, to the next new lease, so that the heap is as large
/// as there ever were leases at once, however many come and go.
class LeaseQueue {
 public:
  using Time = base::Time;

  /// Room for `leases_max` is set aside here, so that no call has to make it later.
  explicit LeaseQueue(std::size_t leases_max);
  LeaseQueue(const LeaseQueue&) = delete;
  LeaseQueue& operator=(const LeaseQueue&) = delete;

  /// Begins the lease of `key`, or moves its end. False when there are `leases_max` others. An end
  /// may be moved to an earlier time, but for more of them than `leases_max` at once the former
  /// time holds: a lease may end late, never early.
  [[nodiscard]] bool renew(const std::string& key, Time until);
  /// Ends it without a report; nothing when there is none.
  void drop(const std::string& key);

  /// Ends leases whose time has come (`until` <= now) and returns their keys. Looks at `items_max`
  /// items at most, of which some may have been dropped or renewed: while `next()` <= now there is
  /// more.
  std::vector<std::string> expire(Time now, std::size_t items_max);
  /// When expire() has something to look at; not later than the first end. Nothing: no item.
  std::optional<Time> next() const;

  std::optional<Time> until(const std::string& key) const;
  std::size_t size() const noexcept { return slot_of_.size(); }
  /// Items of the heap, those included whose lease was dropped. At most 2 `leases_max`.
  std::size_t items() const noexcept { return heap_.size(); }
  /// How many pairs of items the last renew(), drop() or expire() compared.
  std::size_t comparisons() const noexcept { return comparisons_; }

 private:
  struct Slot {
    std::string key;
    Time until{};
    Time due{};                ///< of its item
    std::uint32_t serial = 0;  ///< of its item: others of this slot do not count
    bool has_item = false;
    bool is_held = false;  ///< by a lease
  };
  struct Item {
    Time due{};
    std::uint32_t slot = 0;
    std::uint32_t serial = 0;
  };

  struct Later {
    std::size_t* comparisons;
    bool operator()(const Item& one, const Item& other) const noexcept;
  };

  std::uint32_t take_slot();
  void queue(std::uint32_t slot);
  void push(std::uint32_t slot);
  Item pop();
  void release(std::uint32_t slot);

  std::size_t leases_max_;
  std::unordered_map<std::string, std::uint32_t> slot_of_;
  std::deque<Slot> slots_;           // never moved
  std::vector<std::uint32_t> free_;  // slots without a lease
  std::vector<Item> heap_;           // the earliest first
  std::size_t superseded_ = 0;       // items that do not count any more
  std::size_t comparisons_ = 0;
};

}  // namespace lease

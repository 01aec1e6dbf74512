#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "relay/base/time.hpp"

namespace usage {

/// A day of UTC.
using Day = std::chrono::sys_days;

/// Whole days, `to` not included.
struct Days {
  Day from = Day::min();
  Day to = Day::max();
};
/// The days that have a part of the time from `from` on and before `to`.
Days days_of(base::Utc from, base::Utc to) noexcept;
/// 2026-11-23
std::string to_text(Day day);

/// What adds up. Each stays at its largest value instead of wrapping around.
struct Sums {
  std::uint64_t bytes_in = 0;   ///< received from publishers
  std::uint64_t bytes_out = 0;  ///< sent to viewers
  std::uint64_t viewer_ms = 0;  ///< of all viewers, in milliseconds

  Sums& operator+=(const Sums& more) noexcept;
  friend bool operator==(const Sums&, const Sums&) = default;
};

/// One row. Without a stream's name: that of all streams of the day which have no row (any more).
struct Entry {
  Day day{};
  std::string stream;
  Sums sums;
  friend bool operator==(const Entry&, const Entry&) = default;
};

/// What is to be written to a store, or removed from it.
struct Change {
  Day day{};
  std::string stream;
  std::optional<Sums> sums;  ///< nothing: there is no such row any more
  friend bool operator==(const Change&, const Change&) = default;
};

/// Rows in order of day and name: of whole days.
struct Page {
  std::vector<Entry> entries;
  std::optional<Day> next;  ///< the first day that is not told of
};

/// Sums per stream and day. A plain value of one thread; no clock of its own.
///
/// There are at most `entries_max` rows with a name. For one more, the first row of the oldest day
/// is added to that day's row without a name. While there is no older day, or nobody takes the
/// changes, the new stream itself is counted in the row without a name of its day. Of those rows
/// there are at most `days_max`; then the oldest is forgotten. Days outside of the years 0 to 9999
/// are no days.
class Ledger {
 public:
  static constexpr std::size_t default_entries_max = 100'000;
  static constexpr std::size_t default_days_max = 4'000;
  /// A longer time is none of watching: the clock was set.
  static constexpr std::chrono::days viewing_max{31};

  explicit Ledger(std::size_t entries_max = default_entries_max,
                  std::size_t days_max = default_days_max)
      : entries_max_(entries_max), days_max_(days_max) {}

  void add_bytes_in(const std::string& stream, base::Utc now, std::uint64_t bytes);
  void add_bytes_out(const std::string& stream, base::Utc now, std::uint64_t bytes);
  /// So many viewers watched from `from` to `to`, over midnight perhaps. Times that follow each
  /// other sum up to the time from the first to the last, however they are cut: of each end, what
  /// is less than a millisecond is left out. Nothing when `to` is not after `from` or `viewing_max`
  /// after it.
  void add_viewing(const std::string& stream, base::Utc from, base::Utc to,
                   std::uint64_t viewers = 1);

  /// A row as it was saved; to be called in order of day and name. It is no change, unless there is
  /// no room for it, or sums of now to be added to.
  void restore(const Entry& entry);

  /// Up to `changes_max` rows that changed since this was asked; the others the next time.
  std::vector<Change> take_changes(std::size_t changes_max);
  /// They could not be saved: take_changes() gives these rows again, as they are then.
  void return_changes(const std::vector<Change>& changes);

  /// The rows of these days, of one stream or (nothing) of all, up to and with the day that makes
  /// them `entries_max` or more.
  Page select(const Days& days, std::optional<std::string_view> stream,
              std::size_t entries_max) const;
  std::size_t size() const noexcept { return named_.size() + unnamed_.size(); }

 private:
  using Key = std::pair<Day, std::string>;

  void add(const std::string& stream, Day day, const Sums& sums);
  void add_unnamed(Day day, const Sums& sums);
  bool make_room(Day day);
  std::optional<Sums> find(const Key& key) const;
  std::optional<Day> first_day(Day from) const;
  void append(Day day, std::optional<std::string_view> stream, std::vector<Entry>& entries) const;

  std::size_t entries_max_;
  std::size_t days_max_;
  std::map<Key, Sums> named_;
  std::map<Day, Sums> unnamed_;
  std::set<Key> changed_;
};

}  // namespace usage

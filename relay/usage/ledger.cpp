#include "relay/usage/ledger.hpp"

#include <algorithm>
#include <limits>

namespace usage {
namespace {

using std::chrono::days;
using std::chrono::milliseconds;

constexpr auto viewing_max_us =
    static_cast<std::uint64_t>(base::Utc::duration(Ledger::viewing_max).count());

std::uint64_t add_saturated(std::uint64_t one, std::uint64_t other) noexcept {
  return one > std::numeric_limits<std::uint64_t>::max() - other
             ? std::numeric_limits<std::uint64_t>::max()
             : one + other;
}

std::uint64_t multiply_saturated(std::uint64_t one, std::uint64_t other) noexcept {
  return other != 0 && one > std::numeric_limits<std::uint64_t>::max() / other
             ? std::numeric_limits<std::uint64_t>::max()
             : one * other;
}

// That has a date of ten characters.
bool is_day(Day day) noexcept {
  using namespace std::chrono;
  return day >= sys_days(year(0) / 1 / 1) && day <= sys_days(year(9999) / 12 / 31);
}

}  // namespace

Days days_of(base::Utc from, base::Utc to) noexcept {
  return {std::chrono::floor<days>(from), std::chrono::ceil<days>(to)};
}

std::string to_text(Day day) {
  const std::string text = base::to_iso8601(day);
  return text.substr(0, text.find('T'));
}

Sums& Sums::operator+=(const Sums& more) noexcept {
  bytes_in = add_saturated(bytes_in, more.bytes_in);
  bytes_out = add_saturated(bytes_out, more.bytes_out);
  viewer_ms = add_saturated(viewer_ms, more.viewer_ms);
  return *this;
}

void Ledger::add_bytes_in(const std::string& stream, base::Utc now, std::uint64_t bytes) {
  add(stream, std::chrono::floor<days>(now), {bytes, 0, 0});
}

void Ledger::add_bytes_out(const std::string& stream, base::Utc now, std::uint64_t bytes) {
  add(stream, std::chrono::floor<days>(now), {0, bytes, 0});
}

void Ledger::add_viewing(const std::string& stream, base::Utc from, base::Utc to,
                         std::uint64_t viewers) {
  // Unsigned, because it may not fit when one of them is of a broken clock.
  const std::uint64_t length = static_cast<std::uint64_t>(to.time_since_epoch().count()) -
                               static_cast<std::uint64_t>(from.time_since_epoch().count());
  if (to <= from || length > viewing_max_us) return;
  const auto end = std::chrono::floor<milliseconds>(to);
  for (auto begin = std::chrono::floor<milliseconds>(from); begin < end;) {
    const Day day = std::chrono::floor<days>(begin);
    const auto until = std::min<std::chrono::sys_time<milliseconds>>(end, day + days(1));
    const auto length_ms = static_cast<std::uint64_t>((until - begin).count());
    add(stream, day, {0, 0, multiply_saturated(length_ms, viewers)});
    begin = until;
  }
}

void Ledger::restore(const Entry& entry) {
  if (!is_day(entry.day)) return;
  const Key key{entry.day, entry.stream};
  const bool was_there = find(key).has_value();
  if (entry.stream.empty()) {
    add_unnamed(entry.day, entry.sums);
  } else if (was_there) {
    named_.at(key) += entry.sums;
    changed_.insert(key);
  } else if (make_room(entry.day)) {
    named_.emplace(key, entry.sums);
    return;
  } else {
    add_unnamed(entry.day, entry.sums);
    changed_.insert(key);
    return;
  }
  if (!was_there) changed_.erase(key);
}

std::vector<Change> Ledger::take_changes(std::size_t changes_max) {
  std::vector<Change> changes;
  while (changes.size() < changes_max && !changed_.empty()) {
    auto key = changed_.extract(changed_.begin()).value();
    auto sums = find(key);
    changes.push_back({key.first, std::move(key.second), sums});
  }
  return changes;
}

void Ledger::return_changes(const std::vector<Change>& changes) {
  for (const Change& change : changes) changed_.emplace(change.day, change.stream);
}

Page Ledger::select(const Days& days, std::optional<std::string_view> stream,
                    std::size_t entries_max) const {
  Page page;
  for (auto day = first_day(days.from); day && *day < days.to;
       day = first_day(*day + std::chrono::days(1))) {
    if (page.entries.size() >= entries_max) {
      page.next = day;
      break;
    }
    append(*day, stream, page.entries);
  }
  return page;
}

void Ledger::add(const std::string& stream, Day day, const Sums& sums) {
  if (sums == Sums() || !is_day(day)) return;
  const auto found = named_.find({day, stream});
  if (found != named_.end()) {
    found->second += sums;
  } else if (!stream.empty() && make_room(day)) {
    named_.emplace(Key(day, stream), sums);
  } else {
    add_unnamed(day, sums);
    return;
  }
  changed_.emplace(day, stream);
}

void Ledger::add_unnamed(Day day, const Sums& sums) {
  unnamed_[day] += sums;
  changed_.emplace(day, std::string());
  if (unnamed_.size() <= days_max_) return;
  changed_.emplace(unnamed_.begin()->first, std::string());
  unnamed_.erase(unnamed_.begin());
}

// For one row more of this day.
bool Ledger::make_room(Day day) {
  if (named_.size() < entries_max_) return true;
  const auto oldest = named_.begin();
  if (oldest == named_.end() || oldest->first.first >= day) return false;
  if (changed_.size() >= 2 * entries_max_ + days_max_) return false;
  add_unnamed(oldest->first.first, oldest->second);
  changed_.insert(oldest->first);
  named_.erase(oldest);
  return true;
}

std::optional<Sums> Ledger::find(const Key& key) const {
  if (key.second.empty()) {
    const auto found = unnamed_.find(key.first);
    if (found != unnamed_.end()) return found->second;
  } else if (const auto found = named_.find(key); found != named_.end()) {
    return found->second;
  }
  return std::nullopt;
}

// The first day from this one on that has a row.
std::optional<Day> Ledger::first_day(Day from) const {
  std::optional<Day> first;
  if (const auto found = unnamed_.lower_bound(from); found != unnamed_.end()) first = found->first;
  const auto found = named_.lower_bound({from, std::string()});
  if (found == named_.end()) return first;
  return first ? std::min(*first, found->first.first) : found->first.first;
}

void Ledger::append(Day day, std::optional<std::string_view> stream,
                    std::vector<Entry>& entries) const {
  if (stream) {
    const std::string name(*stream);
    if (const auto sums = find({day, name})) entries.push_back({day, name, *sums});
    return;
  }
  if (const auto sums = find({day, std::string()})) entries.push_back({day, std::string(), *sums});
  for (auto row = named_.lower_bound({day, std::string()});
       row != named_.end() && row->first.first == day; ++row) {
    entries.push_back({day, row->first.second, row->second});
  }
}

}  // namespace usage

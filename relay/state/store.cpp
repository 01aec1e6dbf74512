#include "relay/state/store.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "relay/base/assert.hpp"
#include "relay/state/errc.hpp"
#include "relay/state/record.hpp"

namespace state {
namespace {

// Of entries that are looked at while workers wait for the lock: some 100 µs.
constexpr std::size_t page = 256;
constexpr base::Duration late_after = std::chrono::seconds(1);

}  // namespace

Store::Store(Options options, base::Log& log)
    : options_(std::move(options)), log_(log), lane_("state", 1, 1) {
  if (const auto opened = open(); !opened) {
    if (opened.error() == make_error_code(Errc::folder_in_use)) {
      throw base::FolderInUse(holder_);
    }
    failed(opened.error());
    load_unwritable();
  }
}

Store::~Store() { static_cast<void>(commit()); }

void Store::each(Kind kind, const Visit& visit) const {
  const std::lock_guard lock(lock_);
  for (auto entry = entries_.lower_bound({kind, ""});
       entry != entries_.end() && entry->first.kind == kind; ++entry) {
    if (entry->second.record == nullptr) continue;
    const auto decoded = decode(kind, *entry->second.record);
    if (decoded) visit(entry->first.name, *decoded->record);
  }
}

std::uint64_t Store::set(Kind kind, std::string name, google::protobuf::Message& record) {
  set_version(record, current_version);
  auto bytes = std::make_shared<const std::string>(encode(record));
  const bool is_too_large = bytes->size() > record_bytes_max || name.size() > key_bytes_max;
  Key key{kind, std::move(name)};
  const std::lock_guard lock(lock_);
  if (is_too_large) {
    ++counters_.refused;
    return 0;
  }
  Entry& entry = entries_[key];
  entry.record = std::move(bytes);
  changed_.insert(std::move(key));
  return ++last_change_;
}

std::uint64_t Store::erase(Kind kind, const std::string& name) {
  const Key key{kind, name};
  const std::lock_guard lock(lock_);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return last_change_;
  found->second.record = nullptr;
  found->second.base = nullptr;
  // What never was in the database leaves nothing behind, however long that cannot be written.
  if (found->second.may_be_stored) {
    changed_.insert(key);
  } else {
    changed_.erase(key);
    entries_.erase(found);
  }
  return ++last_change_;
}

std::uint64_t Store::committed() const {
  const std::lock_guard lock(lock_);
  return committed_;
}

Counters Store::counters() const {
  const std::lock_guard lock(lock_);
  Counters now = counters_;
  now.kept = entries_.size();
  now.waiting = changed_.size();
  return now;
}

std::uint64_t Store::attempts() const {
  const std::lock_guard lock(lock_);
  return attempts_;
}

void Store::on_late(std::uint64_t attempts) noexcept {
  {
    const std::lock_guard lock(lock_);
    if (attempts_ != attempts) return;
    if (std::exchange(late_was_told_, true)) return;
    counters_.in_memory = true;
    counters_.detail = "the disk does not answer";
  }
  log_.warning("state is kept in memory only",
               {{"path", options_.folder.string()}, {"error", "the disk does not answer"}});
}

bool Store::commit() {
  const std::lock_guard lock(database_lock_);
  const auto done = write();
  if (!done) failed(done.error());
  return done.has_value();
}

base::Result<void> Store::write() {
  const base::Time began = base::monotonic_now();
  if (file_ && (file_->is_lost() || folder_lock_->is_lost())) {
    file_.reset();
    writes_all_ = true;
  }
  if (!file_) {
    if (const auto opened = open(); !opened) return opened;
  }
  std::uint64_t change = 0;
  {
    const std::lock_guard lock(lock_);
    change = last_change_;
  }
  std::vector<Taken> taken;
  const auto done = write(taken);
  if (!done) {
    file_->roll_back();
    put_back(taken);
    return done;
  }
  succeeded(change, base::monotonic_now() - began, taken);
  return {};
}

// What changes meanwhile is taken where that comes later in the order, else next time.
base::Result<void> Store::write(std::vector<Taken>& taken) {
  written_records_ = written_bytes_ = 0;
  bool has_begun = false;
  std::optional<Key> after;
  for (auto next = take_page(after); !next.empty() || (writes_all_ && !has_begun);
       next = take_page(after)) {
    const std::size_t first = taken.size();
    std::move(next.begin(), next.end(), std::back_inserter(taken));
    if (!std::exchange(has_begun, true)) {
      if (const auto begun = file_->begin(); !begun) return begun;
      if (writes_all_) {
        if (const auto cleared = file_->clear(); !cleared) return cleared;
      }
    }
    for (std::size_t index = first; index < taken.size(); ++index) {
      if (const auto done = put(taken[index]); !done) return done;
    }
  }
  if (!has_begun) return {};
  return file_->commit();
}

base::Result<void> Store::put(const Taken& one) {
  ++written_records_;
  if (one.entry.record == nullptr) return file_->remove(one.key);
  const std::string* bytes = one.entry.record.get();
  std::string merged;
  if (one.entry.base != nullptr && one.entry.base != one.entry.record) {
    const auto fresh = decode(one.key.kind, *bytes);
    const auto before = decode(one.key.kind, *one.entry.base);
    if (fresh && before) {
      keep_unknown(*fresh->record, *before->record);
      merged = encode(*fresh->record);
      bytes = &merged;
    }
  }
  written_bytes_ += bytes->size();
  return file_->put(one.key, *bytes, checksum_of(one.key, *bytes));
}

std::vector<Store::Taken> Store::take_page(std::optional<Key>& after) {
  std::vector<Taken> taken;
  const std::lock_guard lock(lock_);
  const auto take = [&](const Key& key, Entry& entry) {
    taken.push_back({key, entry, entry.may_be_stored});
    entry.may_be_stored = true;
    after = key;
  };
  if (writes_all_) {
    auto next = after ? entries_.upper_bound(*after) : entries_.begin();
    for (; next != entries_.end() && taken.size() < page; ++next) {
      changed_.erase(next->first);
      take(next->first, next->second);
    }
    return taken;
  }
  auto next = after ? changed_.upper_bound(*after) : changed_.begin();
  while (next != changed_.end() && taken.size() < page) {
    const auto entry = entries_.find(*next);
    RELAY_ASSERT(entry != entries_.end());
    take(entry->first, entry->second);
    next = changed_.erase(next);
  }
  return taken;
}

void Store::put_back(const std::vector<Taken>& taken) {
  for (std::size_t first = 0; first < taken.size(); first += page) {
    const std::lock_guard lock(lock_);
    for (std::size_t index = first; index < std::min(first + page, taken.size()); ++index) {
      const Taken& one = taken[index];
      const auto entry = entries_.find(one.key);
      RELAY_ASSERT(entry != entries_.end());
      entry->second.may_be_stored = one.may_be_stored;
      if (entry->second.record == nullptr && !one.may_be_stored) {
        changed_.erase(one.key);
        entries_.erase(entry);
      } else {
        changed_.insert(one.key);
      }
    }
  }
}

void Store::forget_removed(const std::vector<Taken>& taken) {
  for (const Taken& one : taken) {
    if (one.entry.record != nullptr) continue;
    const std::lock_guard lock(lock_);
    const auto entry = entries_.find(one.key);
    // Set again meanwhile, it is new.
    if (entry == entries_.end() || entry->second.record != nullptr) continue;
    if (!changed_.contains(one.key)) entries_.erase(entry);
  }
}

void Store::succeeded(std::uint64_t change, base::Duration took, const std::vector<Taken>& taken) {
  forget_removed(taken);
  const bool wrote_all = std::exchange(writes_all_, false);
  const auto since = std::exchange(failing_since_, std::nullopt);
  bool was_late = false;
  {
    const std::lock_guard lock(lock_);
    committed_ = std::max(committed_, change);
    was_late = std::exchange(late_was_told_, false);
    ++attempts_;
    counters_.commits += !taken.empty() || wrote_all;
    counters_.rewrites += wrote_all;
    counters_.records += written_records_;
    counters_.bytes += written_bytes_;
    counters_.commit_time += took;
    counters_.late += took > late_after;
    counters_.in_memory = false;
    counters_.detail.clear();
  }
  if (!since && !was_late && !wrote_all) return;
  log_.info("state is written", {{"path", options_.folder.string()},
                                 {"records", written_records_},
                                 {"everything", wrote_all ? "yes" : "no"}});
}

void Store::failed(const base::Error& error) {
  if (sqlite::is_damage(error)) set_database_aside(error);
  // After anything but these nobody knows what is in the file.
  if (!sqlite::is_transient(error) && std::exchange(file_, nullptr) != nullptr) writes_all_ = true;
  const bool is_first = !failing_since_;
  if (is_first) failing_since_ = base::monotonic_now();
  {
    const std::lock_guard lock(lock_);
    ++attempts_;
    ++counters_.failures;
    counters_.in_memory = true;
    counters_.detail = error.message();
  }
  if (!is_first) return;
  log_.warning("state is kept in memory only",
               {{"path", options_.folder.string()}, {"error", error.message()}});
}

}  // namespace state

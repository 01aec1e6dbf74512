#include <fstream>
#include <system_error>
#include <utility>

#include "relay/state/delimited.hpp"
#include "relay/state/errc.hpp"
#include "relay/state/record.hpp"
#include "relay/state/store.hpp"

// How a store comes to its database, at the start and when it was lost.
namespace state {

struct Store::Damaged {
  Row row;
  base::Error error;
};

base::Result<void> Store::lock_folder() {
  if (folder_lock_ && !folder_lock_->is_lost()) return {};
  folder_lock_.reset();
  std::error_code error;
  std::filesystem::create_directories(options_.folder, error);
  if (error) return base::Error(error);
  try {
    folder_lock_ = std::make_unique<base::FolderLock>(options_.folder);
  } catch (const base::FolderInUse& used) {
    holder_ = used.what();
    return Errc::folder_in_use;
  } catch (const std::runtime_error&) {
    return Errc::not_locked;
  }
  return {};
}

base::Result<void> Store::open() {
  if (const auto locked = lock_folder(); !locked) return locked;
  for (int attempt = 0;; ++attempt) {
    auto opened = RecordFile::open(options_.folder, RecordFile::Access::write, options_.file);
    base::Error error;
    if (!opened) {
      error = opened.error();
    } else if (!was_loaded_) {
      std::vector<Row> rows;
      const auto done = (*opened)->read(rows);
      if (!done) error = done.error();
      if (done || sqlite::is_damage(error)) take_in(std::move(rows));
    }
    if (!error) {
      file_ = std::move(*opened);
      was_loaded_ = true;
      return {};
    }
    if (!sqlite::is_damage(error) || attempt > 0) return error;
    opened = error;  // closes it
    set_database_aside(error);
  }
}

// Where it can be read at least, it is known what was there.
void Store::load_unwritable() {
  const auto opened = RecordFile::open(options_.folder, RecordFile::Access::read, options_.file);
  if (!opened) return;
  std::vector<Row> rows;
  if ((*opened)->read(rows)) {
    take_in(std::move(rows));
    was_loaded_ = true;
    writes_all_ = true;
  }
}

// What is damaged goes into a file of its own and out of the database, in this order.
void Store::take_in(std::vector<Row> rows) {
  std::vector<Damaged> damaged;
  for (Row& row : rows) {
    if (const auto sound = take_in(row); !sound) damaged.push_back({std::move(row), sound.error()});
  }
  if (!damaged.empty()) set_aside(damaged);
}

base::Result<void> Store::take_in(Row& row) {
  Entry entry;
  bool was_migrated = false;
  entry.may_be_stored = true;
  if (make_record(row.key.kind) != nullptr) {
    const auto decoded = decode(row);
    if (!decoded) return decoded.error();
    was_migrated = decoded->was_migrated;
    entry.record = std::make_shared<const std::string>(was_migrated ? encode(*decoded->record)
                                                                    : std::move(row.record));
    if (decoded->has_unknown) entry.base = entry.record;
  } else if (checksum_of(row.key, row.record) == row.checksum) {
    entry.record = std::make_shared<const std::string>(std::move(row.record));
  } else {
    return Errc::bad_checksum;
  }
  const std::lock_guard lock(lock_);
  // What is there already is newer, or was read before.
  const auto [place, is_new] = entries_.try_emplace(std::move(row.key), std::move(entry));
  if (is_new && was_migrated) changed_.insert(place->first);
  place->second.may_be_stored = true;
  return {};
}

void Store::set_aside(const std::vector<Damaged>& damaged) {
  const std::string path =
      (options_.folder / ("records.damaged-" + base::to_iso8601(base::utc_now()))).string();
  std::ofstream file(path, std::ios::binary);
  for (const Damaged& one : damaged) write_delimited(file, one.row, one.error.message());
  file.close();
  const bool is_kept = !file.fail();
  {
    const std::lock_guard lock(lock_);
    counters_.damaged_records += damaged.size();
    for (const Damaged& one : damaged) {
      // As one that was erased. A sound row of the same key, of a database that has two, stays.
      if (!is_kept || entries_.contains(one.row.key)) continue;
      entries_[one.row.key].may_be_stored = true;
      changed_.insert(one.row.key);
    }
  }
  log_.warning("records of state were damaged", {{"records", damaged.size()},
                                                 {"first", damaged.front().error.message()},
                                                 {"kept_as", is_kept ? path : "nothing"}});
}

void Store::set_database_aside(const base::Error& error) {
  file_.reset();
  const auto aside = RecordFile::set_aside(options_.folder, base::utc_now());
  writes_all_ = true;
  {
    const std::lock_guard lock(lock_);
    ++counters_.damaged_databases;
  }
  log_.warning("the database of state was damaged",
               {{"kept_as", aside.string()}, {"error", error.message()}});
}

}  // namespace state

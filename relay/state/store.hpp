#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "relay/base/folder_lock.hpp"
#include "relay/base/logging.hpp"
#include "relay/base/result.hpp"
#include "relay/loop/lane.hpp"
#include "relay/state/counters.hpp"
#include "relay/state/kind.hpp"
#include "relay/state/record_file.hpp"

namespace google::protobuf {
class Message;
}

namespace state {

/// The records of schemas/session.proto that outlive the process: all of them in memory, and behind
/// that a database. `main` owns it; it outlives the workers. Changes gather and are written as one
/// transaction by `commit()`. While the database cannot be written (a disk that is full, read-only
/// or gone, a file that somebody locked, removed or damaged) memory is all there is; each commit
/// tries again, and what has to be is written then, all of it if the file was another one.
class Store {
 public:
  struct Options {
    std::filesystem::path folder;
    RecordFile::Options file;
  };
  /// Makes the folder, locks it and reads what is there; damage is set aside. Blocks. Throws
  /// base::FolderInUse if another relay has it; nothing else keeps it from starting.
  Store(Options options, base::Log& log);
  /// Commits.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// What was in the database before is known. While it is not, because that cannot be read, what
  /// is set takes the place of what may be there. Any thread.
  bool is_loaded() const noexcept { return was_loaded_; }

  /// What there is of a kind, in order of names, migrated to the present version. For the start:
  /// `visit` is called with the lock held and does not call back.
  using Visit = std::function<void(const std::string& name, google::protobuf::Message& record)>;
  void each(Kind kind, const Visit& visit) const;

  /// The record is this from now on; its schema_version becomes the present one. What the one
  /// before has that only a newer version knows stays. Any thread; does not block on the disk.
  /// Returns the number of the change, 0 for one that is too large: then the one before stays.
  std::uint64_t set(Kind kind, std::string name, google::protobuf::Message& record);
  /// It is gone, with everything in it. Any thread; does not block on the disk.
  std::uint64_t erase(Kind kind, const std::string& name);
  /// Every change up to this number is in the database. Any thread.
  std::uint64_t committed() const;

  /// Writes what has changed. Blocks: in the lane. False: it is kept in memory and tried again.
  bool commit();
  /// How many commits have come back, whatever they did. Any thread.
  std::uint64_t attempts() const;
  /// The commit that was begun after so many attempts has not come back in time: told once, until
  /// one does. If it has come back meanwhile nothing is told. Any thread.
  void on_late(std::uint64_t attempts) noexcept;
  loop::Lane& lane() noexcept { return lane_; }  ///< `state`

  /// Any thread.
  Counters counters() const;

 private:
  using Bytes = std::shared_ptr<const std::string>;  // shared with a commit that writes it
  struct Entry {
    Bytes record;                // null: it is gone, and that is to be written
    Bytes base;                  // has what only a newer version knows; else null
    bool may_be_stored = false;  // in the database, or being written
  };
  struct Taken {
    Key key;
    Entry entry;
    bool may_be_stored;  // before
  };
  struct Damaged;

  // With `database_lock_`, or at the start:
  base::Result<void> open();
  base::Result<void> lock_folder();
  void load_unwritable();
  void take_in(std::vector<Row> rows);
  base::Result<void> take_in(Row& row);
  void set_aside(const std::vector<Damaged>& damaged);
  void set_database_aside(const base::Error& error);
  base::Result<void> write();
  base::Result<void> write(std::vector<Taken>& taken);
  base::Result<void> put(const Taken& one);
  std::vector<Taken> take_page(std::optional<Key>& after);
  void put_back(const std::vector<Taken>& taken);
  void forget_removed(const std::vector<Taken>& taken);
  void succeeded(std::uint64_t change, base::Duration took, const std::vector<Taken>& taken);
  void failed(const base::Error& error);

  const Options options_;
  base::Log& log_;
  loop::Lane lane_;

  std::mutex database_lock_;
  std::unique_ptr<base::FolderLock> folder_lock_;
  std::string holder_;                // who has the folder, as a sentence
  std::unique_ptr<RecordFile> file_;  // null: it is to be opened
  std::atomic<bool> was_loaded_ = false;
  bool writes_all_ = false;
  std::optional<base::Time> failing_since_;
  std::uint64_t written_records_ = 0;  // of the transaction
  std::uint64_t written_bytes_ = 0;

  mutable std::mutex lock_;  // of what follows; never held while anything blocks
  std::map<Key, Entry> entries_;
  std::set<Key> changed_;
  std::uint64_t last_change_ = 0;
  std::uint64_t committed_ = 0;
  std::uint64_t attempts_ = 0;
  bool late_was_told_ = false;
  Counters counters_;
};

}  // namespace state

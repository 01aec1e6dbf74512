#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/base/time.hpp"
#include "relay/sqlite/database.hpp"
#include "relay/state/kind.hpp"

namespace state {

/// The database of records: `state.sqlite` in a folder, one table of bytes by kind and name. Knows
/// nothing of what is in them. Blocks; one thread at a time.
class RecordFile {
 public:
  using Access = sqlite::Database::Access;
  using Synchronous = sqlite::Database::Synchronous;
  struct Options {
    Synchronous synchronous = Synchronous::normal;
    /// Shorter than what counts as a disk that does not answer.
    std::chrono::milliseconds busy_timeout{500};
  };
  static std::filesystem::path path_in(const std::filesystem::path& folder);
  /// With `Access::write` it is made when missing. Errc::newer_database: it is left alone.
  static base::Result<std::unique_ptr<RecordFile>> open(const std::filesystem::path& folder,
                                                        Access access, Options options);
  static base::Result<std::unique_ptr<RecordFile>> open(const std::filesystem::path& folder,
                                                        Access access) {
    return open(folder, access, Options{});
  }
  ~RecordFile();
  RecordFile(const RecordFile&) = delete;
  RecordFile& operator=(const RecordFile&) = delete;
  /// Renames a damaged one, with what belongs to it, to `state.sqlite.damaged-<UTC>`; returns that.
  static std::filesystem::path set_aside(const std::filesystem::path& folder, base::Utc now);

  /// Every row into `rows`, in no order. On an error there are those that could be read, from both
  /// ends of the table.
  base::Result<void> read(std::vector<Row>& rows);
  /// What SQLite itself finds wrong; empty: nothing.
  base::Result<std::string> check();

  // A transaction. Where one of these fails, all was as if it had not been begun.
  base::Result<void> begin();
  base::Result<void> clear();
  base::Result<void> put(const Key& key, std::string_view record, std::uint32_t checksum);
  base::Result<void> remove(const Key& key);
  /// Also moves what has gathered in the WAL into the database, now and then.
  base::Result<void> commit();
  void roll_back() noexcept;

  /// Somebody removed or replaced its files while it was open: what is written goes nowhere.
  bool is_lost() const noexcept;

 private:
  struct Queries;
  struct FileId {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const FileId&) const = default;
  };
  RecordFile(std::filesystem::path file, sqlite::Database database,
             std::unique_ptr<Queries> queries);
  static FileId identify(const std::filesystem::path& file) noexcept;
  base::Result<void> read(std::vector<Row>& rows, const char* order);
  void checkpoint() noexcept;

  const std::filesystem::path file_;
  const std::filesystem::path wal_;
  FileId file_id_;
  FileId wal_id_;
  std::uintmax_t checkpoint_at_;  // bytes of the WAL
  sqlite::Database database_;
  std::unique_ptr<Queries> queries_;  // they go before the database
};

}  // namespace state

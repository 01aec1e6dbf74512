#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/disk/segment.hpp"
#include "relay/sqlite/database.hpp"

namespace disk {

/// Which segments there are: `catalog.sqlite` in the root (WAL, synchronous NORMAL). Any thread but
/// a worker's, since all of it blocks, unless said otherwise; one lock. Changes are collected and
/// written as one transaction by `commit()`; whoever looks something up sees every change made
/// before, also while they cannot be written. What a crash loses of it, recovery finds in the
/// folders. Times order the segments of a stream: of two with the same start, which have the same
/// file, the later one holds.
class Catalog {
 public:
  /// Makes the database when missing. A damaged one is set aside as `catalog.sqlite.damaged-<UTC>`
  /// (with its -wal) and begun anew: `is_new()` then, and recovery fills it. One that is found
  /// damaged later is set aside for the next start.
  static base::Result<std::unique_ptr<Catalog>> open(const std::filesystem::path& root);
  /// Of a root that another relay may use: look-ups only.
  static base::Result<std::unique_ptr<Catalog>> read(const std::filesystem::path& root);
  ~Catalog();
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;
  bool is_new() const noexcept { return is_new_; }
  /// The damaged one that was there before, if any.
  const std::filesystem::path& set_aside_as() const noexcept { return set_aside_as_; }

  /// A new segment; returns its id. Does not block on the disk: may be called by any thread.
  std::int64_t add(Segment segment);
  /// What is known of it now (by id), as when it is closed. Does not block on the disk.
  void update(const Segment& segment);
  /// It is gone. Does not block on the disk.
  void remove(std::int64_t id);
  /// Writes what was collected. On failure it is kept and tried again.
  base::Result<void> commit();

  base::Result<std::optional<Segment>> get(std::int64_t id);
  /// The last segment that starts at `utc` or before.
  base::Result<std::optional<Segment>> at(const std::string& stream, base::Utc utc);
  /// The last segment (by start) that holds this position, or, if none does, the first one after it
  /// of the same epoch; nothing when there is no such.
  base::Result<std::optional<Segment>> at(const std::string& stream, wire::Position position);
  /// Those of this epoch that begin at the position or before, the nearest first; at most `most`.
  base::Result<std::vector<Segment>> beginning_before(const std::string& stream,
                                                      wire::Position position, std::size_t most);
  /// The first of this epoch that begins after the position.
  base::Result<std::optional<Segment>> beginning_after(const std::string& stream,
                                                       wire::Position position);
  /// The neighbours by start.
  base::Result<std::optional<Segment>> before(const Segment& segment);
  base::Result<std::optional<Segment>> after(const Segment& segment);
  base::Result<std::optional<Segment>> first(const std::string& stream);
  base::Result<std::optional<Segment>> newest(const std::string& stream);
  /// Those that overlap [from, to), in order; at most `most`. An open one has no end.
  base::Result<std::vector<Segment>> range(const std::string& stream, base::Utc from, base::Utc to,
                                           std::size_t most);
  /// Those that start there or later, in order; at most `most`.
  base::Result<std::vector<Segment>> starting_from(const std::string& stream, base::Utc from,
                                                   std::size_t most);
  /// Those with a gap before them that start in [from, to), in order; at most `most`. Does not read
  /// the others.
  base::Result<std::vector<Segment>> behind_gaps(const std::string& stream, base::Utc from,
                                                 base::Utc to, std::size_t most);
  /// Every one that is marked as open.
  base::Result<std::vector<Segment>> open_ones();
  /// Of each stream the newest.
  base::Result<std::vector<Segment>> newest_ones();
  /// The oldest closed segments of all streams (by end), or of one (by start); at most `most`.
  base::Result<std::vector<Segment>> oldest(
      std::size_t most, const std::optional<std::string>& stream = std::nullopt);
  struct Sum {
    std::string stream;
    std::uint64_t segments = 0;
    std::uint64_t bytes = 0;
    base::Utc start{};
    base::Utc end{};
  };
  base::Result<std::vector<Sum>> sums();

 private:
  struct Queries;
  struct Change {
    std::optional<Segment> segment;  ///< nothing: it is removed
    bool is_added = false;           ///< by what is not committed
  };

  Catalog(std::filesystem::path file, sqlite::Database database, std::unique_ptr<Queries> queries);
  static base::Result<std::unique_ptr<Catalog>> open_file(const std::filesystem::path& file,
                                                          sqlite::Database::Access access);
  base::Result<void> learn_last_id();
  void collect(std::int64_t id, Change change);
  // With the database's lock:
  base::Result<void> apply_changes();
  base::Result<void> apply(std::int64_t id, const Change& change);
  void roll_back();
  template <class... Values>
  base::Result<std::vector<Segment>> look_up(sqlite::Statement& statement, const Values&... values);
  template <class... Values>
  base::Result<std::optional<Segment>> look_up_one(sqlite::Statement& statement,
                                                   const Values&... values);
  base::Error failed(base::Error error);

  const std::filesystem::path file_;
  bool is_new_ = false;
  std::filesystem::path set_aside_as_;

  std::mutex changes_lock_;  // never held while anything blocks
  std::vector<std::pair<std::int64_t, Change>> incoming_;
  std::int64_t last_id_ = 0;

  std::mutex database_lock_;
  sqlite::Database database_;
  std::unique_ptr<Queries> queries_;  // they go before the database
  // In the transaction that is open now; once more if it was rolled back.
  std::map<std::int64_t, Change> uncommitted_;
  bool is_set_aside_ = false;
};

}  // namespace disk

#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/disk/segment.hpp"

struct sqlite3;

namespace disk {

/// Which segments there are: `catalog.sqlite` in the root (WAL, synchronous NORMAL). Any thread but
/// a worker's, since all of it blocks, unless said otherwise; one lock. Changes are collected in
/// memory and written as one transaction: by `commit()`, or by whoever looks something up, so a
/// look-up sees every change made before it. What a crash loses of it, recovery finds in the
/// folders.
class Catalog {
 public:
  /// Makes the database when missing. A damaged one is set aside as `catalog.sqlite.damaged-<UTC>`
  /// (with its -wal) and begun anew: `is_new()` then, and `reindex` fills it.
  static base::Result<std::unique_ptr<Catalog>> open(const std::filesystem::path& root);
  ~Catalog();
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;
  bool is_new() const noexcept;

  /// A new segment; returns its id. Does not block on the disk: may be called by any thread.
  std::int64_t add(Segment segment);
  /// What is known of it now (by id), as when it is closed. Does not block on the disk.
  void update(const Segment& segment);
  /// It is gone. Does not block on the disk.
  void remove(std::int64_t id);
  /// Writes what was collected. On failure it is kept and tried again.
  base::Result<void> commit();

  /// The last segment that starts at `utc` or before.
  base::Result<std::optional<Segment>> at(const std::string& stream, base::Utc utc);
  /// The last segment (by start) that holds this position, or, if none does, the first one after it
  /// of the same epoch; nothing when there is no such.
  base::Result<std::optional<Segment>> at(const std::string& stream, wire::Position position);
  /// The neighbours by start.
  base::Result<std::optional<Segment>> before(const Segment& segment);
  base::Result<std::optional<Segment>> after(const Segment& segment);
  base::Result<std::optional<Segment>> first(const std::string& stream);
  base::Result<std::optional<Segment>> newest(const std::string& stream);
  /// Those that overlap [from, to), in order; at most `most`.
  base::Result<std::vector<Segment>> range(const std::string& stream, base::Utc from, base::Utc to,
                                           std::size_t most);
  /// Every one that is marked as open.
  base::Result<std::vector<Segment>> open_ones();
  /// Of each stream the newest.
  base::Result<std::vector<Segment>> newest_ones();
  /// The oldest closed segments of all streams, or of one, by end; at most `most`.
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
};

}  // namespace disk

#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "relay/base/folder_lock.hpp"
#include "relay/base/logging.hpp"
#include "relay/base/result.hpp"
#include "relay/disk/catalog.hpp"
#include "relay/disk/segment.hpp"
#include "relay/disk/table_cache.hpp"
#include "relay/loop/lane.hpp"

namespace disk {

/// The disk half of the logs: one folder, its catalog and its lock, shared by all workers. `main`
/// owns it; it outlives the workers. What says "blocks" is for the threads of the pool (lanes) and
/// for start-up.
class Store {
 public:
  struct Options {
    std::filesystem::path root;
    std::uint64_t backlog_bytes_max = 0;  ///< of all recorders: what waits to be written
    std::uint64_t past_bytes_max = 0;     ///< of the arena, for what is read back; of all workers
    unsigned pool_threads = 16;           ///< each lane gets a quarter
  };
  /// Makes the folder, locks it (`flock` on `<root>/lock`) and opens the catalog. Blocks; throws
  /// std::runtime_error with a sentence that names the folder, as when another relay has it.
  Store(Options options, base::Log& log);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  const std::filesystem::path& root() const noexcept { return options_.root; }
  Catalog& catalog() noexcept { return *catalog_; }
  loop::Lane& write_lane() noexcept { return write_lane_; }  ///< `disk.write`
  loop::Lane& read_lane() noexcept { return read_lane_; }    ///< `disk.read`
  base::Log& log() noexcept { return log_; }

  /// Where the last recording of a stream stopped, for a home that goes on with it: known from the
  /// start, kept up by recorders. Never blocks on the disk. Nothing: there is none.
  std::optional<Segment> newest(const std::string& stream) const;
  /// One that starts earlier than what is known does not count.
  void set_newest(const Segment& segment);
  /// If it is this one, which is gone, it is now what comes before it.
  void drop_newest(const Segment& segment, const std::optional<Segment>& before);
  /// Where a new segment starts whose first chunk has this UTC: there, or later where that would
  /// not be behind all others of the stream. So starts are in the order of recording, whatever
  /// clocks and cameras do that send again what is here, and no file has the name of another.
  base::Utc next_start(const std::string& stream, base::Utc utc) const;

  // Open segments. Never block on the disk.
  /// A segment is being written: as far as it can be read back. Replaces what was said before.
  void publish(std::shared_ptr<const SegmentTable> table);
  /// It is closed, and the catalog has been told so.
  void retract(std::int64_t id);
  std::shared_ptr<const SegmentTable> published(std::int64_t id) const;

  /// The index of a segment: of an open one what was published, of a closed one its index box, or
  /// what a scan finds where that is missing or damaged. The last ones are kept. Blocks.
  base::Result<std::shared_ptr<const SegmentTable>> table(const Segment& segment);
  /// Its file was changed or removed: what was kept of it does not count any more.
  void forget_table(std::int64_t id) { tables_.forget(id); }

  /// A chunk on disk.
  struct Place {
    std::shared_ptr<const SegmentTable> table;
    std::size_t index = 0;
    GapReason gap = GapReason::none;  ///< why it is not what was asked for, or does not follow
    wire::Position position() const noexcept;
    const ChunkEntry& entry() const noexcept { return table->chunks[index]; }
  };
  /// Live: the newest sync chunk. A UTC: the last sync chunk not after it; where that time lies in
  /// a gap or before everything, the first sync chunk behind it (with the gap's reason). A
  /// position: that chunk; where it is missing the first sync chunk behind it. Nothing: nothing is
  /// recorded there or later, or what is there is not known to be later, as of another epoch. Files
  /// that are gone or damaged are passed over. Blocks.
  base::Result<std::optional<Place>> find(const std::string& stream, const wire::Start& start);
  /// The chunk that follows: in its segment (as published now, when that is open), or in the next
  /// one, at the position that follows if it has it (segments may overlap by a group), else at its
  /// first chunk, with the reason. Nothing: not there yet. Blocks.
  base::Result<std::optional<Place>> next(const Place& place);

  // Budgets, of all workers.
  std::atomic<std::uint64_t> backlog_bytes{0};
  std::atomic<std::uint64_t> past_bytes{0};
  std::uint64_t backlog_bytes_max() const noexcept { return options_.backlog_bytes_max; }
  std::uint64_t past_bytes_max() const noexcept { return options_.past_bytes_max; }

  /// While a segment is read (or a clip refers to it) it is not removed. Any thread.
  void hold(std::int64_t id);
  void release(std::int64_t id);
  bool is_held(std::int64_t id) const;

 private:
  using Found = base::Result<std::optional<Place>>;
  using TableResult = base::Result<std::shared_ptr<const SegmentTable>>;

  TableResult read_table(const Segment& segment);
  TableResult scan_table(const Segment& segment);
  Found find_newest(const std::string& stream);
  Found find_utc(const std::string& stream, base::Utc utc);
  Found find_position(const std::string& stream, wire::Position position);
  Found first_from(base::Result<std::optional<Segment>> segment, GapReason reason);
  Found follow(const SegmentTable& table, GapReason reason);

  const Options options_;
  base::Log& log_;
  base::FolderLock folder_lock_;
  std::unique_ptr<Catalog> catalog_;
  loop::Lane write_lane_;
  loop::Lane read_lane_;
  TableCache tables_;

  mutable std::mutex lock_;  // of what follows; never held while anything blocks
  std::unordered_map<std::string, Segment> newest_;
  std::unordered_map<std::int64_t, std::shared_ptr<const SegmentTable>> published_;
  std::unordered_map<std::int64_t, std::uint32_t> held_;
};

}  // namespace disk

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <variant>

#include "relay/disk/layout.hpp"
#include "relay/disk/store.hpp"

namespace disk {

/// Makes whole what a crash has left: segments that were being written, and files that are newer
/// than what the catalog knows, or of streams that it does not know at all. Only those are looked
/// at. What a stream had recorded is known when `begin()` returns; the rest is done in pieces while
/// the relay runs.
class Recovery {
 public:
  explicit Recovery(Store& store) : store_(store) {}

  /// Before anything is recorded: lists what there is to do, and lets store and catalog know of the
  /// newest files. Blocks.
  void begin();
  /// Does the next piece. False: nothing is left to begin with. Blocks; by several threads at once.
  bool run_next() noexcept;
  /// Any thread: what is left waits for the next start.
  void stop() noexcept { is_stopping_ = true; }

  struct Counts {
    std::uint64_t segments = 0;  ///< that were left open, and are closed now
    std::uint64_t indexed = 0;   ///< that are new to the catalog besides
    std::uint64_t removed = 0;   ///< files without one whole chunk
    std::uint64_t failed = 0;    ///< that could not be read or written
    std::uint64_t bytes_cut = 0;
  };
  Counts counts() const;

 private:
  struct Hour {  // of a stream that the catalog did not know
    std::filesystem::path folder;
  };
  // A segment that the catalog has, a file that it does not have, or many of them.
  using Piece = std::variant<Segment, SegmentName, Hour>;

  base::Result<Segment> read_closed(const SegmentName& name);
  void find_new_files(const std::string& stream);
  bool learn_end(const Segment& segment);
  void add_new_files(const std::filesystem::path& hour, base::Utc after);
  void look_at(const Hour& hour);
  void index(const SegmentName& name);
  void recover(Segment segment);
  void on_recovered(const Segment& segment, std::uint64_t bytes_before);
  void drop(const Segment& segment, std::uint64_t bytes, const base::Error& why);
  void log_end();

  Store& store_;
  std::atomic<bool> is_stopping_{false};
  mutable std::mutex lock_;  // of what follows
  std::deque<Piece> pieces_;
  std::size_t running_ = 0;
  Counts counts_;
  base::Time began_{};
};

}  // namespace disk

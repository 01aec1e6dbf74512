#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/disk/store.hpp"
#include "relay/loop/lane.hpp"
#include "relay/memory/block_pool.hpp"
#include "relay/memory/window_list.hpp"

namespace disk {

/// Where somebody stands who reads a recording from front to back.
struct PastCursor {
  Store::Place place;
  bool is_read = false;  ///< the chunk there was read; otherwise it is the next
  /// Goes on at the next sync chunk from there, for this reason; `none`: with the next chunk.
  GapReason gap = GapReason::none;
};

/// One read of a recording: finds the chunk that comes next, reads as many whole chunks behind it
/// as have room in the blocks, at one stretch, and checks them. A job of `disk.read`; its blocks
/// belong to the worker that submits it.
class PastRead final : public loop::Lane::Job {
 public:
  static constexpr std::size_t chunks_max = 512;

  /// Who wants to know, on the worker's thread.
  class Events {
   public:
    virtual ~Events() = default;
    virtual void on_read(PastRead& read) noexcept = 0;
  };

  struct Wanted {
    std::uint64_t reader = 0;  ///< whose it is: its id
    PastCursor from;
    bool syncs_only = false;
    std::int64_t head_of = 0;  ///< the segment whose head the reader has
  };

  /// Holds each of `blocks` once, which become its own; of the same pool.
  PastRead(Store& store, Events& events, Wanted wanted, std::vector<memory::BlockHold*> blocks);
  ~PastRead() override;
  PastRead(const PastRead&) = delete;
  PastRead& operator=(const PastRead&) = delete;

  void run() noexcept override;
  void done() noexcept override { events_.on_read(*this); }

  std::uint64_t reader() const noexcept { return wanted_.reader; }

  // What was found.
  /// A chunk that was read: which one of its segment, and where it lies in the blocks.
  struct Record {
    std::size_t index = 0;
    std::size_t offset = 0;
    std::size_t bytes = 0;
  };
  const std::vector<Record>& records() const noexcept { return records_; }
  /// On the worker: the bytes of one of them.
  memory::WindowList bytes(const Record& record) const;
  /// The segment of the records; null where there is none.
  const std::shared_ptr<const SegmentTable>& table() const noexcept { return next_.place.table; }
  /// Why the first of them does not follow the chunk before.
  GapReason gap() const noexcept { return gap_; }
  /// What that segment begins with; empty where the reader has it.
  const std::string& head() const noexcept { return head_; }
  /// Where to go on.
  const PastCursor& next() const noexcept { return next_; }
  std::size_t bytes_read() const noexcept { return bytes_read_; }
  /// So many are needed for the next chunk, which has no room in the blocks; 0: it had.
  std::size_t bytes_needed() const noexcept { return bytes_needed_; }
  /// Nothing was recorded behind the chunk that was read last; `may_grow()`: its segment is open.
  bool is_at_end() const noexcept { return is_at_end_; }
  bool may_grow() const noexcept { return may_grow_; }
  /// The chunk behind the records, or the whole segment, cannot be used: for this reason.
  const base::Error& error() const noexcept { return error_; }
  /// Nobody knows what comes next, for that reason.
  bool is_lost() const noexcept { return is_lost_; }

 private:
  base::Result<void> find_next();
  base::Result<void> plan();
  base::Result<void> read_all(int file);
  base::Result<void> read_head(int file);
  void check_all();
  void pass_over(const base::Error& error, std::size_t index) noexcept;
  std::size_t room() const noexcept;
  std::vector<iovec> buffers(std::size_t offset, std::size_t bytes) const;

  Store& store_;
  Events& events_;
  const Wanted wanted_;
  std::vector<memory::BlockHold*> blocks_;

  PastCursor next_;
  GapReason gap_ = GapReason::none;
  std::vector<Record> records_;
  std::string head_;
  std::size_t bytes_read_ = 0;
  std::size_t bytes_needed_ = 0;
  bool is_at_end_ = false;
  bool may_grow_ = false;
  bool is_lost_ = false;
  base::Error error_;
  std::optional<std::int64_t> held_;  // the segment, while it is read
};

}  // namespace disk

#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "relay/disk/counters.hpp"
#include "relay/disk/policy.hpp"
#include "relay/disk/record_writer.hpp"
#include "relay/disk/segment_draft.hpp"
#include "relay/disk/segment_plan.hpp"
#include "relay/disk/store.hpp"
#include "relay/disk/write_batch.hpp"
#include "relay/loop/timer.hpp"
#include "relay/loop/worker.hpp"
#include "relay/memory/block_pool.hpp"
#include "relay/stream/home.hpp"

namespace disk {

/// Keeps a stream on disk, on the worker of its home: makes a record of every chunk when it is
/// appended, collects them, and hands them to the lane `disk.write`, one batch at a time. What
/// waits is bounded, of all recorders together (`Store::backlog_bytes_max`), and so is what a disk
/// that fails or stands still can do: nothing is taken then, and a gap is recorded. Destroyed when
/// it `is_finished()`, or after its worker's loop has ended and its mailbox is closed.
class Recorder final : public stream::Home::Tap {
 public:
  /// A batch is handed over as soon as it has so much, or is so old.
  static constexpr std::size_t batch_bytes = 1 << 20;
  static constexpr base::Duration batch_time = std::chrono::milliseconds(500);
  class Events {
   public:
    virtual ~Events() = default;
    /// Every chunk of this epoch before this position survives a loss of power.
    virtual void on_durable(Recorder& recorder, wire::Position end) noexcept = 0;
    /// After `finish()`: nothing is under way any more.
    virtual void on_finished(Recorder& recorder) noexcept = 0;
  };

  struct Options {
    std::string stream;
    RecordingPolicy policy;
    std::optional<Segment> before;                   ///< the last one that was recorded of it
    GapReason before_gap = GapReason::none;          ///< why there may be a gap behind that one
    base::Duration retry = std::chrono::seconds(5);  ///< after a failure it tries again
  };

  /// `counters` are its worker's.
  Recorder(loop::Worker& worker, memory::BlockPool& pool, Store& store, Options options,
           RecordingCounters& counters, Events& events);
  ~Recorder() override;

  const std::string& stream() const noexcept { return options_.stream; }
  void on_append(const stream::Chunk& chunk) noexcept override;
  void on_gap(wire::GapReason reason) noexcept override { plan_.on_gap(reason); }
  /// The stream is over: closes its segment. May call back at once.
  void finish() noexcept;
  bool is_finished() const noexcept { return is_finished_; }
  /// See `Events::on_durable`; sequence 0: nothing was told yet.
  wire::Position durable() const noexcept { return durable_; }
  RecordingStatus status() const;

 private:
  class Job;

  void begin_segment(const RecordWriter::Record& record, const SegmentPlan::Decision& decision);
  void close_segment();
  void try_to_go_on(base::Time now) noexcept;
  void lag() noexcept;

  // What is handed over, and when.
  bool is_due(base::Time now) const noexcept;
  std::optional<base::Time> deadline() const noexcept;
  void go_on(base::Time now) noexcept;
  void take_batch(base::Time now);
  void hand_over(base::Time now) noexcept;
  void on_timer() noexcept;

  // What has come of it.
  void on_done(const WriteOutcome& outcome) noexcept;
  void apply(const WriteOutcome& outcome);
  void on_some_written(SegmentDraft& draft);
  void log_gap(GapReason reason, base::Duration length);
  void on_closed(std::uint64_t file_bytes);
  void publish();
  void tell_durable(wire::Position end) noexcept;
  void fail(const WriteOutcome& outcome);
  void find_recovery(const WriteOutcome& outcome);
  void drop_waiting() noexcept;
  void release(std::size_t bytes) noexcept;

  loop::Worker& worker_;
  Store& store_;
  const Options options_;
  RecordingCounters& counters_;
  Events& events_;
  RecordWriter writer_;
  SegmentPlan plan_;
  bool is_writer_behind_ = false;  // it was not shown every chunk

  // Those that have to do with the disk yet, in order; what is taken now is for the last.
  std::deque<SegmentDraft> drafts_;
  bool has_open_draft_ = false;
  WriteBatch collecting_;
  base::Time collecting_since_{};
  std::deque<WriteBatch> full_;  // behind one that is under way
  WriteBatch flight_;            // what a thread of the pool uses while it is under way
  SegmentWriter files_;          // likewise
  bool is_under_way_ = false;
  bool is_taken_ = false;  // `flight_` waits for a place in the lane
  loop::Timer timer_;

  bool is_unsynced_ = false;
  base::Time last_sync_{};
  wire::Position durable_;

  bool is_lagging_ = false;
  std::string failure_;  // why nothing can be written; empty: it can
  base::Duration failed_gap_{};
  base::Time retry_at_{};
  std::optional<base::Time> lane_retry_at_;
  std::uint64_t waiting_bytes_ = 0;  // of ours in Store::backlog_bytes
  RecordingStatus status_;           // its sums
  bool is_finishing_ = false;
  bool is_finished_ = false;
};

}  // namespace disk

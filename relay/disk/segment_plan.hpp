#pragma once

#include <cstdint>
#include <optional>

#include "relay/disk/record_writer.hpp"
#include "relay/disk/segment.hpp"
#include "relay/stream/chunk.hpp"

namespace disk {

/// Decides, chunk by chunk, what of a log is recorded and where its segments begin: at a sync
/// record once the last segment is long enough, and wherever something does not follow. Owned by a
/// recorder; has no clock of its own.
class SegmentPlan {
 public:
  /// A segment does not have more, however long it may be.
  static constexpr std::uint64_t chunks_max = 64 * 1024;
  /// Numbers follow, but nobody published for so long.
  static constexpr base::Duration pause_min = std::chrono::seconds(1);

  /// Where the part that is recorded ends.
  struct End {
    wire::Position next;
    base::Utc utc{};
    stream::MediaTime time = 0;
  };

  /// `before`: what was recorded before, and why there may be a gap behind it.
  SegmentPlan(base::Duration segment, const std::optional<End>& before, GapReason reason)
      : segment_(stream::to_media_time(segment)), end_(before), before_(reason) {}

  /// Something is missing before the next chunk, and this is why.
  void on_gap(wire::GapReason reason) noexcept;
  /// False: the chunk is left out, and need not be made a record.
  bool wants(const stream::Chunk& chunk) noexcept;

  enum class Step : std::uint8_t { skip, append, begin };
  struct Decision {
    Step step = Step::skip;
    GapReason gap = GapReason::none;  ///< before the segment that begins
    base::Duration gap_length{};
    std::optional<End> before{};  ///< where the recording ended until now
  };
  /// Of a chunk that it wants.
  Decision take(const stream::Chunk& chunk, const RecordWriter::Record& record) noexcept;

  /// From here on nothing is wanted, for this reason.
  void pause(GapReason reason) noexcept;
  /// Goes on at the next sync record.
  void resume() noexcept { is_paused_ = false; }
  bool is_paused() const noexcept { return is_paused_; }
  /// What was taken behind this could not be written; nothing: not even the first of all.
  void cut(const std::optional<End>& end) noexcept;
  const std::optional<End>& end() const noexcept { return end_; }

  /// The log had chunks of this epoch before the position that were left out, or may be.
  bool has_hole_before(wire::Position position) const noexcept {
    return hole_ && hole_->epoch == position.epoch && hole_->sequence < position.sequence;
  }

 private:
  Decision begin(const stream::Chunk& chunk, const RecordWriter::Record& record) noexcept;
  GapReason find_gap(const stream::Chunk& chunk) const noexcept;
  void leave_out(const stream::Chunk& chunk) noexcept;

  const stream::MediaTime segment_;
  std::optional<End> end_;
  GapReason before_;                    // until the first segment begins
  GapReason reason_ = GapReason::none;  // for which what is missing now is missing
  std::optional<wire::Position> hole_;  // the first, of the last epoch that has one
  stream::MediaTime segment_start_ = 0;
  std::uint64_t segment_chunks_ = 0;  // 0: the next one begins a segment
  std::uint32_t discontinuity_ = 0;
  bool is_paused_ = false;
  // It goes on with a sync record: that of a sync chunk, or of one soon after, when its frame ends.
  bool until_sync_ = true;
  bool has_seen_sync_ = false;
};

}  // namespace disk

#include "relay/disk/segment_plan.hpp"

#include <algorithm>
#include <utility>

namespace disk {
namespace {

GapReason from_wire(wire::GapReason reason) noexcept {
  switch (reason) {
    case wire::GapReason::unspecified:
      return GapReason::none;
    case wire::GapReason::publisher:
      return GapReason::publisher;
    case wire::GapReason::memory:
      return GapReason::memory;
    case wire::GapReason::restart:
      return GapReason::restart;
    default:
      return GapReason::lost;
  }
}

// The disk or the arena, not the publisher.
bool is_ours(GapReason reason) noexcept {
  return reason == GapReason::memory || reason == GapReason::backlog || reason == GapReason::failed;
}

}  // namespace

void SegmentPlan::on_gap(wire::GapReason reason) noexcept {
  if (reason_ == GapReason::none) reason_ = from_wire(reason);
}

bool SegmentPlan::wants(const stream::Chunk& chunk) noexcept {
  on_gap(chunk.gap);
  has_seen_sync_ = has_seen_sync_ || (chunk.sync && !is_paused_);
  if (!is_paused_ && (!until_sync_ || has_seen_sync_)) return true;
  leave_out(chunk);
  return false;
}

SegmentPlan::Decision SegmentPlan::take(const stream::Chunk& chunk,
                                        const RecordWriter::Record& record) noexcept {
  if (record.is_lost) {
    pause(GapReason::memory);
    resume();
  }
  if (record.is_lost || (until_sync_ && !record.entry.sync)) {
    leave_out(chunk);
    return {};
  }
  const bool follows = end_ && end_->next == record.position;
  const bool is_other = discontinuity_ != record.discontinuity && record.entry.sync;
  const bool is_long = record.entry.sync && record.entry.time - segment_start_ >= segment_;
  const bool is_full = segment_chunks_ >= chunks_max;
  Decision decision{Step::append};
  if (segment_chunks_ == 0 || !follows || record.begins_anew || is_other || is_long || is_full) {
    decision = begin(chunk, record);
  }
  ++segment_chunks_;
  reason_ = GapReason::none;
  before_ = GapReason::none;
  until_sync_ = false;
  discontinuity_ = record.discontinuity;
  const stream::MediaTime length = record.end_time - record.entry.time;
  end_ =
      End{record.position.next(),
          record.entry.utc + std::chrono::floor<base::Utc::duration>(stream::to_duration(length)),
          record.end_time};
  return decision;
}

SegmentPlan::Decision SegmentPlan::begin(const stream::Chunk& chunk,
                                         const RecordWriter::Record& record) noexcept {
  segment_start_ = record.entry.time;
  segment_chunks_ = 0;
  Decision decision{Step::begin, find_gap(chunk), {}, end_};
  if (decision.gap != GapReason::none) {
    decision.gap_length = std::max<base::Duration>(record.entry.utc - end_->utc, {});
  }
  return decision;
}

GapReason SegmentPlan::find_gap(const stream::Chunk& chunk) const noexcept {
  if (!end_) return GapReason::none;
  const bool is_same = chunk.position.epoch == end_->next.epoch;
  if (is_same && chunk.position.sequence < end_->next.sequence) return GapReason::none;
  if (is_same && chunk.position == end_->next) {
    if (chunk.discontinuity == discontinuity_) return GapReason::none;
    if (is_ours(reason_)) return reason_;
    const bool is_pause = stream::to_duration(chunk.time - end_->time) > pause_min;
    return is_pause ? GapReason::publisher : GapReason::none;
  }
  if (is_ours(reason_)) return reason_;
  if (before_ == GapReason::restart) return before_;
  if (!is_same) return GapReason::publisher;
  return reason_ != GapReason::none ? reason_ : GapReason::lost;
}

void SegmentPlan::pause(GapReason reason) noexcept {
  if (!is_ours(reason_)) reason_ = reason;
  is_paused_ = true;
  until_sync_ = true;
  has_seen_sync_ = false;
  segment_chunks_ = 0;
}

void SegmentPlan::cut(const std::optional<End>& end) noexcept {
  if (end_) hole_ = wire::Position{end_->next.epoch, 0};
  end_ = end;
  segment_chunks_ = 0;
}

void SegmentPlan::leave_out(const stream::Chunk& chunk) noexcept {
  if (!is_ours(reason_)) return;
  if (!hole_ || hole_->epoch != chunk.position.epoch) hole_ = chunk.position;
}

}  // namespace disk

// What a recorder hands to the pool, and what becomes of it.

#include <algorithm>
#include <memory>
#include <utility>
#include <variant>

#include "relay/base/assert.hpp"
#include "relay/disk/layout.hpp"
#include "relay/disk/recorder.hpp"

namespace disk {
namespace {

// A lane that has no place has thousands of jobs before ours.
constexpr base::Duration lane_retry = std::chrono::milliseconds(100);
// Of a long segment, how many chunks may be written that readers are not told of: of video a
// second, less than any tail.
constexpr std::size_t unpublished_max = 25;

// At most a tenth of the time early, so that recorders hand over together: to wake a thread, and to
// be woken by it, costs more than to write a batch of a slow stream.
base::Time on_beat(base::Time since, base::Duration wait) noexcept {
  const base::Time due = since + wait;
  const base::Duration beat = std::max<base::Duration>(wait / 10, std::chrono::milliseconds(1));
  return due - due.time_since_epoch() % beat;
}

}  // namespace

class Recorder::Job final : public loop::Lane::Job {
 public:
  explicit Job(Recorder& recorder) : recorder_(recorder) {}
  void run() noexcept override { outcome_ = recorder_.files_.run(recorder_.flight_); }
  void done() noexcept override { recorder_.on_done(outcome_); }

 private:
  Recorder& recorder_;
  WriteOutcome outcome_;
};

bool Recorder::is_due(base::Time now) const noexcept {
  if (lane_retry_at_) return now >= *lane_retry_at_;
  if (!full_.empty() || collecting_.bytes() >= batch_bytes) return true;
  const auto due = deadline();
  return due && (now >= *due || is_finishing_);
}

std::optional<base::Time> Recorder::deadline() const noexcept {
  if (lane_retry_at_) return lane_retry_at_;
  const RecordingPolicy& policy = options_.policy;
  const bool is_interval = policy.fsync == Fsync::interval;
  std::optional<base::Time> due;
  if (!collecting_.empty()) {
    due = on_beat(collecting_since_,
                  is_interval ? std::min(batch_time, policy.fsync_interval) : batch_time);
  }
  if (is_interval && is_unsynced_) {
    const base::Time sync = on_beat(last_sync_, policy.fsync_interval);
    due = due ? std::min(*due, sync) : sync;
  }
  return due;
}

void Recorder::go_on(base::Time now) noexcept {
  // What does not fit into one batch waits in whole ones, so that each lets its blocks go early.
  if (is_under_way_ && collecting_.bytes() >= batch_bytes) {
    full_.push_back(std::exchange(collecting_, {}));
  }
  if (is_under_way_) return;
  if (is_due(now)) {
    hand_over(now);
  } else if (is_finishing_) {
    timer_.stop();
    if (!std::exchange(is_finished_, true)) events_.on_finished(*this);
  } else {
    timer_.wake_at(deadline());
  }
}

void Recorder::on_timer() noexcept { go_on(base::monotonic_now()); }

void Recorder::take_batch(base::Time now) {
  if (full_.empty()) {
    std::swap(flight_, collecting_);
    collecting_since_ = now;
  } else {
    flight_ = std::move(full_.front());
    full_.pop_front();
  }
  is_unsynced_ = is_unsynced_ || flight_.bytes() > 0;
  const auto& steps = flight_.steps();
  const bool is_closed = !steps.empty() && std::holds_alternative<WriteBatch::Close>(steps.back());
  if (is_closed) {
    is_unsynced_ = false;
  } else if (is_unsynced_ && options_.policy.fsync == Fsync::interval &&
             now >= on_beat(last_sync_, options_.policy.fsync_interval)) {
    flight_.sync();
    is_unsynced_ = false;
    last_sync_ = now;
  }
}

void Recorder::hand_over(base::Time now) noexcept {
  lane_retry_at_.reset();
  if (!std::exchange(is_taken_, true)) take_batch(now);
  if (!drafts_.empty()) store_.set_newest(drafts_.back().segment());
  if (!store_.write_lane().submit(worker_, std::make_unique<Job>(*this))) {
    lane_retry_at_ = now + lane_retry;
    return timer_.wake_at(lane_retry_at_);
  }
  is_taken_ = false;
  is_under_way_ = true;
  timer_.stop();
}

void Recorder::on_done(const WriteOutcome& outcome) noexcept {
  is_under_way_ = false;
  apply(outcome);
  if (outcome.error) {
    fail(outcome);
  } else if (!failure_.empty()) {
    find_recovery(outcome);
  }
  const std::size_t bytes = flight_.bytes();
  flight_.clear();
  release(bytes);
  go_on(base::monotonic_now());
}

void Recorder::release(std::size_t bytes) noexcept {
  waiting_bytes_ -= bytes;
  store_.backlog_bytes.fetch_sub(bytes, std::memory_order_relaxed);
}

// Of each step that was done.
void Recorder::apply(const WriteOutcome& outcome) {
  status_.bytes += outcome.bytes;
  counters_.bytes += outcome.bytes;
  counters_.syncs += outcome.syncs;
  std::size_t closed = 0;
  bool has_written = false;
  for (std::size_t index = 0; index < outcome.steps; ++index) {
    const WriteBatch::Step& step = flight_.steps()[index];
    if (const auto* write = std::get_if<WriteBatch::Write>(&step)) {
      SegmentDraft& draft = drafts_.front();
      draft.written += write->chunks;
      if (draft.id == 0) on_some_written(draft);
      has_written = true;
    } else if (std::holds_alternative<WriteBatch::Sync>(step)) {
      tell_durable(drafts_.front().position_behind(drafts_.front().written));
    } else if (std::holds_alternative<WriteBatch::Close>(step)) {
      on_closed(outcome.closed_bytes[closed++]);
    } else if (std::holds_alternative<WriteBatch::Remove>(step)) {
      drafts_.pop_front();
    }
  }
  if (has_written && !drafts_.empty() && drafts_.front().id != 0) publish();
}

// Over is a failure when a batch has done what the one that failed may not have.
void Recorder::find_recovery(const WriteOutcome& outcome) {
  const bool is_synced = options_.policy.fsync == Fsync::never || outcome.syncs > 0;
  if (plan_.is_paused() || flight_.bytes() == 0 || !is_synced) return;
  failure_.clear();
  log_gap(GapReason::failed, failed_gap_);
}

// Only now there is something that can be read.
void Recorder::on_some_written(SegmentDraft& draft) {
  const SegmentTable table = draft.first(draft.written);
  const GapReason gap = table.segment.gap;
  draft.id = store_.catalog().add(table.segment);
  if (gap == GapReason::none) return;
  counters_.count_gap(gap, draft.gap_length);
  status_.gaps += draft.gap_length;
  if (gap == GapReason::failed) {
    failed_gap_ = draft.gap_length;  // this has its line when it is known to be over
    return;
  }
  log_gap(gap, draft.gap_length);
}

void Recorder::log_gap(GapReason reason, base::Duration length) {
  store_.log().info("recording goes on", {{"stream", options_.stream},
                                          {"gap", name_of(reason)},
                                          {"seconds", base::to_seconds(length)}});
}

void Recorder::on_closed(std::uint64_t file_bytes) {
  SegmentDraft& draft = drafts_.front();
  Segment segment = draft.segment();
  segment.id = draft.id;
  segment.bytes = file_bytes;
  segment.is_open = false;
  store_.catalog().update(segment);
  store_.retract(segment.id);
  ++status_.segments;
  ++counters_.segments;
  if (options_.policy.fsync != Fsync::never) tell_durable(segment.next());
  drafts_.pop_front();
}

void Recorder::publish() {
  SegmentDraft& draft = drafts_.front();
  // What is told is a copy, so a long segment is told less often.
  const std::size_t least = std::min(draft.published / 128, unpublished_max);
  if (draft.written - draft.published < least) return;
  draft.published = draft.written;
  store_.publish(std::make_shared<const SegmentTable>(draft.first(draft.written)));
}

void Recorder::tell_durable(wire::Position end) noexcept {
  if (plan_.has_hole_before(end)) return;
  durable_ = end;
  events_.on_durable(*this, end);
}

// What was whole before it failed stays, as a closed segment; the rest is lost.
void Recorder::fail(const WriteOutcome& outcome) {
  ++counters_.errors;
  const WriteBatch::Step& step = flight_.steps()[outcome.steps];
  const bool has_file = !std::holds_alternative<WriteBatch::Open>(step);
  SegmentDraft draft = std::move(drafts_.front());
  const std::size_t whole = has_file ? draft.count_within(outcome.file_bytes) : 0;
  const auto end = draft.end_behind(whole);
  drop_waiting();
  plan_.cut(end);
  plan_.pause(GapReason::failed);
  retry_at_ = base::monotonic_now() + options_.retry;
  if (failure_.empty()) {
    store_.log().warning("recording failed", {{"stream", options_.stream},
                                              {"detail", outcome.error.message()},
                                              {"retry_seconds", base::to_seconds(options_.retry)}});
  }
  failure_ = outcome.error.message();
  if (!has_file) return;
  if (whole > 0) {
    draft.cut(whole);
    if (draft.id == 0) on_some_written(draft);
    store_.set_newest(draft.segment());
    collecting_.close(draft.finish(), true);
  } else {
    collecting_.remove(segment_path(store_.root(), options_.stream, draft.segment().start));
  }
  collecting_since_ = {};  // at once
  drafts_.push_back(std::move(draft));
}

void Recorder::drop_waiting() noexcept {
  std::size_t bytes = collecting_.bytes();
  for (const WriteBatch& batch : full_) bytes += batch.bytes();
  collecting_.clear();
  full_.clear();
  drafts_.clear();
  has_open_draft_ = false;
  is_unsynced_ = false;
  release(bytes);
}

}  // namespace disk

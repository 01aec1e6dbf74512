#include "relay/disk/recorder.hpp"

#include <utility>

#include "relay/base/assert.hpp"
#include "relay/disk/layout.hpp"

namespace disk {
namespace {

std::optional<SegmentPlan::End> end_of(const std::optional<Segment>& segment) {
  if (!segment) return std::nullopt;
  return SegmentPlan::End{segment->next(), segment->end, segment->end_time};
}

}  // namespace

Recorder::Recorder(loop::Worker& worker, memory::BlockPool& pool, Store& store, Options options,
                   RecordingCounters& counters, Events& events)
    : worker_(worker),
      store_(store),
      options_(std::move(options)),
      counters_(counters),
      events_(events),
      writer_(pool),
      plan_(options_.policy.segment, end_of(options_.before), options_.before_gap),
      files_(store.root(), options_.policy.fsync != Fsync::never),
      timer_(worker, loop::bind<&Recorder::on_timer>(this)) {}

Recorder::~Recorder() { store_.backlog_bytes.fetch_sub(waiting_bytes_, std::memory_order_relaxed); }

void Recorder::on_append(const stream::Chunk& chunk) noexcept {
  RELAY_ASSERT(worker_.is_current() && !is_finishing_);
  const base::Time now = chunk.received;
  if (plan_.is_paused()) try_to_go_on(now);
  const std::uint64_t waiting = store_.backlog_bytes.load(std::memory_order_relaxed);
  const bool is_too_much = waiting + chunk.payload_bytes() > store_.backlog_bytes_max();
  if (is_too_much && !plan_.is_paused()) lag();
  if (!plan_.wants(chunk)) {
    is_writer_behind_ = true;
    return;
  }
  if (std::exchange(is_writer_behind_, false)) writer_.on_gap();
  RecordWriter::Record record = writer_.write(chunk);
  const SegmentPlan::Decision decision = plan_.take(chunk, record);
  if (decision.step == SegmentPlan::Step::skip) return;
  if (collecting_.empty()) collecting_since_ = now;
  if (decision.step == SegmentPlan::Step::begin) begin_segment(record, decision);
  drafts_.back().add(record, *plan_.end());
  if (decision.step == SegmentPlan::Step::begin) store_.set_newest(drafts_.back().segment());
  const std::size_t bytes = record.bytes.bytes();
  collecting_.write(std::move(record.bytes));
  waiting_bytes_ += bytes;
  store_.backlog_bytes.fetch_add(bytes, std::memory_order_relaxed);
  go_on(now);
}

void Recorder::begin_segment(const RecordWriter::Record& record,
                             const SegmentPlan::Decision& decision) {
  close_segment();
  const base::Utc start = store_.next_start(options_.stream, record.entry.utc);
  std::string head = writer_.head(options_.stream, record, decision.gap);
  drafts_.emplace_back(options_.stream, record, start, head.size(), decision);
  collecting_.open(segment_path(store_.root(), options_.stream, start), std::move(head));
  has_open_draft_ = true;
}

void Recorder::close_segment() {
  if (!std::exchange(has_open_draft_, false)) return;
  collecting_.close(drafts_.back().finish());
}

// What makes it stop taking anything is looked at with every chunk: nothing else wants to know.
void Recorder::try_to_go_on(base::Time now) noexcept {
  const std::uint64_t waiting = store_.backlog_bytes.load(std::memory_order_relaxed);
  if (is_lagging_ && waiting > store_.backlog_bytes_max() / 2) return;
  if (now < retry_at_) return;
  is_lagging_ = false;
  plan_.resume();
}

void Recorder::lag() noexcept {
  is_lagging_ = true;
  plan_.pause(GapReason::backlog);
  store_.log().warning("recording lags",
                       {{"stream", options_.stream},
                        {"waiting_bytes", store_.backlog_bytes.load(std::memory_order_relaxed)},
                        {"detail", "the disk is too slow: recording.backlog is reached"}});
}

void Recorder::finish() noexcept {
  RELAY_ASSERT(worker_.is_current() && !is_finishing_);
  is_finishing_ = true;
  if (collecting_.empty()) collecting_since_ = base::monotonic_now();
  // Who publishes it next goes on behind all of it, also if that is not written yet.
  if (has_open_draft_) store_.set_newest(drafts_.back().segment());
  close_segment();
  go_on(base::monotonic_now());
}

RecordingStatus Recorder::status() const {
  RecordingStatus status = status_;
  status.waiting_bytes = waiting_bytes_;
  if (is_finishing_) {
    status.state = RecordingState::stopped;
    status.detail = "the stream has ended";
  } else if (!failure_.empty()) {
    status.state = RecordingState::failed;
    status.detail = failure_;
  } else if (is_lagging_) {
    status.state = RecordingState::lagging;
    status.detail = "the disk is too slow: recording.backlog is reached";
  }
  return status;
}

}  // namespace disk

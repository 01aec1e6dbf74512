// Streams from one process to the next: which are recorded, what is kept of them, and what their
// homes go on with.

#include <algorithm>
#include <optional>
#include <utility>

#include "relay/server/worker_server.hpp"

namespace server {
namespace {

// A record takes some microseconds, for which nobody else is served.
constexpr std::size_t kept_per_turn = 32;

stream::Past to_past(const disk::Segment& newest) {
  return {newest.next(),   newest.last_sync, newest.last_sync_time, newest.end,
          newest.end_time, newest.number,    newest.discontinuity};
}

control::LaneReport report_lane(const loop::Lane& lane) {
  const loop::Lane::Counts counts = lane.counts();
  return {lane.name(), counts.running, counts.waiting, counts.refused};
}

}  // namespace

// A recording has the chunks; the state has what came last, and which numbers are taken.
std::optional<stream::Past> WorkerServer::find_past(const std::string& path,
                                                    const std::optional<disk::Segment>& newest) {
  std::optional<stream::Past> known;
  const bool is_here = shared_.directory.home(path).has_value();
  if (shared_.known_streams != nullptr && !is_here) known = shared_.known_streams->take(path);
  if (!newest) return known;
  if (!known) return to_past(*newest);
  if (newest->next().epoch != known->next.epoch && newest->end < known->end) return known;
  stream::Past past = to_past(*newest);
  past.segment = std::max(past.segment, known->segment);
  past.discontinuity = std::max(past.discontinuity, known->discontinuity);
  past.reserved = known->reserved;
  return past;
}

void WorkerServer::keep_streams() noexcept {
  if (drain_ >= Drain::recordings) return;  // it was the last time
  if (to_keep_.empty()) {
    for (const auto& [path, home] : table_.homes()) to_keep_.push_back(path);
  }
  if (worker_.index() == 0) shared_.known_streams->forget_expired(base::utc_now());
  turn_end_.keep_turning(true);
}

void WorkerServer::keep_next_streams() noexcept {
  const base::Utc now = base::utc_now();
  for (std::size_t count = 0; count < kept_per_turn && !to_keep_.empty(); ++count) {
    const stream::Home* const home = table_.home(to_keep_.back());
    if (home != nullptr) keeper_->keep(*home, now);
    to_keep_.pop_back();
  }
}

void WorkerServer::keep_streams_last() noexcept {
  if (keeper_ == nullptr) return;
  to_keep_.clear();
  const base::Utc now = base::utc_now();
  for (const auto& [path, home] : table_.homes()) keeper_->keep_last(*home, now);
}

stream::StreamTable::Claim WorkerServer::claim(const std::string& path) {
  const auto& config = shared_.config.for_path(path);
  std::optional<disk::Segment> newest;
  if (shared_.store != nullptr) newest = shared_.store->newest(path);
  const auto claimed =
      table_.claim(path, config.policy, random_(), base::utc_now(), find_past(path, newest));
  const bool is_recorded = shared_.store != nullptr && config.recording.enabled;
  if (claimed.home != nullptr && is_recorded && !recorders_.contains(path)) {
    begin_recording(*claimed.home, config.recording, std::move(newest));
  }
  return claimed;
}

void WorkerServer::begin_recording(stream::Home& home, const disk::RecordingPolicy& policy,
                                   std::optional<disk::Segment> newest) {
  // What is missing behind another process' recording is missing because that one has ended.
  const bool is_of_another = newest && newest->start < shared_.started;
  const auto gap = is_of_another ? disk::GapReason::restart : disk::GapReason::publisher;
  const std::string& path = home.stream().path();
  auto& recorder = recorders_[path];
  recorder = std::make_unique<disk::Recorder>(
      worker_, pool_, *shared_.store, disk::Recorder::Options{path, policy, std::move(newest), gap},
      counts_.recording, *this);
  home.set_tap(recorder.get());
}

void WorkerServer::end_home(const std::string& path) {
  stream::Home* const home = table_.home(path);
  if (home != nullptr) end_recording(*home);
  if (home != nullptr && keeper_ != nullptr) {
    if (drain_ == Drain::none) {
      keeper_->end(path);
    } else {
      keeper_->keep_last(*home, base::utc_now());
    }
  }
  table_.end_home(path);
}

// Its recorder writes what it has; whoever publishes the stream next gets another one.
void WorkerServer::end_recording(stream::Home& home) {
  const auto found = recorders_.find(home.stream().path());
  if (found == recorders_.end()) return;
  home.set_tap(nullptr);
  disk::Recorder& recorder = *ending_recorders_.emplace_back(std::move(found->second));
  recorders_.erase(found);
  recorder.finish();
}

void WorkerServer::on_durable(disk::Recorder& recorder, wire::Position end) noexcept {
  stream::Home* home = table_.home(recorder.stream());
  if (home == nullptr || !home->publisher) return;
  publishers_.at(*home->publisher)->on_durable(end);
}

void WorkerServer::tell_durable(session::Publisher& publisher) noexcept {
  const auto recorder = recorders_.find(publisher.home().stream().path());
  if (recorder != recorders_.end()) publisher.on_durable(recorder->second->durable());
}

void WorkerServer::on_finished(disk::Recorder&) noexcept {
  has_finished_recorders_ = true;
  turn_end_.keep_turning(true);  // also when it was done at once
}

void WorkerServer::sweep_recorders() noexcept {
  has_finished_recorders_ = false;
  std::erase_if(ending_recorders_, [](const auto& recorder) { return recorder->is_finished(); });
  // Clips may go on while recordings end, which must not wait for their clients.
  const bool are_clips_over = !recording_requests_ || recording_requests_->is_empty();
  if (drain_ == Drain::recordings && ending_recorders_.empty() && recorders_.empty() &&
      are_clips_over) {
    on_no_recordings_left();
  }
}

void WorkerServer::end_recordings() noexcept {
  if (drain_ == Drain::done) return;  // there was no time for it
  for (const auto& [path, home] : table_.homes()) end_recording(*home);
  sweep_recorders();
}

std::optional<control::StoreReport> WorkerServer::report_store() const {
  if (shared_.store == nullptr) return std::nullopt;
  return control::StoreReport{
      {report_lane(shared_.store->write_lane()), report_lane(shared_.store->read_lane())},
      shared_.store->backlog_bytes.load(std::memory_order_relaxed),
      shared_.store->past_bytes.load(std::memory_order_relaxed)};
}

std::optional<control::StateReport> WorkerServer::report_state() const {
  if (shared_.state == nullptr) return std::nullopt;
  return control::StateReport{report_lane(shared_.state->lane()), shared_.state->counters()};
}

}  // namespace server

#include "relay/control/metrics.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace control {
namespace {

constexpr ArenaReport arena{.block_bytes = 65536, .blocks = 64, .blocks_free = 60};

bool has(const std::string& text, const std::string& line) {
  CAPTURE(text);
  return text.find('\n' + line + '\n') != std::string::npos;
}

}  // namespace

TEST_CASE("without a store there are no metrics of it") {
  const std::vector<WorkerReport> workers(1);
  const std::string text = metrics_text(workers, arena, std::nullopt, std::nullopt);
  CHECK(has(text, "spancast_arena_blocks 64"));
  CHECK(text.find("recording") == std::string::npos);
  CHECK(text.find("past") == std::string::npos);
  CHECK(text.find("lane") == std::string::npos);
  CHECK(text.find("spancast_state") == std::string::npos);
}

TEST_CASE("what workers recorded and read back is summed") {
  std::vector<WorkerReport> workers(2);
  for (WorkerReport& worker : workers) {
    worker.recording.bytes = 1000;
    worker.recording.segments = 3;
    worker.recording.syncs = 4;
    worker.recording.errors = 1;
    worker.recording.count_gap(disk::GapReason::backlog, 250ms);
    worker.recording.count_gap(disk::GapReason::failed, 2s);
    worker.past.streams = 2;
    worker.past.viewers = 10;
    worker.past.reads = 6;
    worker.past.bytes = 5000;
    worker.past.damaged = 1;
    worker.past.clips = 1;
    worker.past.clip_bytes = 300;
  }
  const std::string text = metrics_text(workers, arena, StoreReport{}, std::nullopt);
  CHECK(has(text, "spancast_recording_bytes_total 2000"));
  CHECK(has(text, "spancast_recording_segments_total 6"));
  CHECK(has(text, "spancast_recording_syncs_total 8"));
  CHECK(has(text, "spancast_recording_errors_total 2"));
  CHECK(has(text, "spancast_recording_gaps_total{reason=\"backlog\"} 2"));
  CHECK(has(text, "spancast_recording_gap_seconds_total{reason=\"backlog\"} 0.5"));
  CHECK(has(text, "spancast_recording_gap_seconds_total{reason=\"failed\"} 4"));
  CHECK(has(text, "spancast_recording_gaps_total{reason=\"restart\"} 0"));
  CHECK(text.find("reason=\"none\"") == std::string::npos);
  CHECK(has(text, "spancast_past_streams 4"));
  CHECK(has(text, "spancast_past_viewers 20"));
  CHECK(has(text, "spancast_past_reads_total 12"));
  CHECK(has(text, "spancast_past_bytes_total 10000"));
  CHECK(has(text, "spancast_past_errors_total 0"));
  CHECK(has(text, "spancast_past_damaged_total 2"));
  CHECK(has(text, "spancast_clips_total 2"));
  CHECK(has(text, "spancast_clip_bytes_total 600"));
}

TEST_CASE("recorders are counted by their state") {
  std::vector<WorkerReport> workers(2);
  for (WorkerReport& worker : workers) {
    for (const auto state : {disk::RecordingState::recording, disk::RecordingState::failed}) {
      StreamReport::Home home;
      home.recording.emplace().state = state;
      worker.streams.emplace_back().home = home;
    }
    worker.streams.emplace_back().home = StreamReport::Home{};  // not recorded
    worker.streams.emplace_back();                              // elsewhere at home
  }
  const std::string text = metrics_text(workers, arena, StoreReport{}, std::nullopt);
  CHECK(has(text, "spancast_recording_streams{state=\"recording\"} 2"));
  CHECK(has(text, "spancast_recording_streams{state=\"lagging\"} 0"));
  CHECK(has(text, "spancast_recording_streams{state=\"failed\"} 2"));
}

TEST_CASE("lanes and the store's share of the arena are told") {
  StoreReport store;
  store.lanes = {{"disk.write", 4, 17, 0}, {"disk.read", 1, 0, 3}};
  store.backlog_bytes = 1 << 20;
  store.past_bytes = 4096;
  const std::string text = metrics_text(std::vector<WorkerReport>(1), arena, store, std::nullopt);
  CHECK(has(text, "spancast_lane_running{lane=\"disk.write\"} 4"));
  CHECK(has(text, "spancast_lane_waiting{lane=\"disk.write\"} 17"));
  CHECK(has(text, "spancast_lane_refused_total{lane=\"disk.read\"} 3"));
  CHECK(has(text, "spancast_recording_backlog_bytes 1048576"));
  CHECK(has(text, "spancast_past_bytes_held 4096"));
}

TEST_CASE("what the store of state did is told") {
  StateReport state;
  state.lane = {"state", 1, 2, 3};
  state.counters = {.commits = 10,
                    .records = 20,
                    .bytes = 3000,
                    .failures = 4,
                    .late = 5,
                    .rewrites = 6,
                    .refused = 7,
                    .damaged_records = 8,
                    .damaged_databases = 9,
                    .commit_time = 1500ms,
                    .in_memory = true,
                    .detail = "the disk is full",
                    .kept = 100,
                    .waiting = 11};
  const std::vector<WorkerReport> workers(1);
  const std::string text = metrics_text(workers, arena, std::nullopt, state);
  CHECK(has(text, "spancast_state_commits_total 10"));
  CHECK(has(text, "spancast_state_commit_seconds_total 1.5"));
  CHECK(has(text, "spancast_state_records_total 20"));
  CHECK(has(text, "spancast_state_bytes_total 3000"));
  CHECK(has(text, "spancast_state_failures_total 4"));
  CHECK(has(text, "spancast_state_late_total 5"));
  CHECK(has(text, "spancast_state_rewrites_total 6"));
  CHECK(has(text, "spancast_state_refused_total 7"));
  CHECK(has(text, "spancast_state_damaged_records_total 8"));
  CHECK(has(text, "spancast_state_damaged_databases_total 9"));
  CHECK(has(text, "spancast_state_records 100"));
  CHECK(has(text, "spancast_state_records_waiting 11"));
  CHECK(has(text, "spancast_state_in_memory 1"));
  CHECK(has(text, "spancast_lane_waiting{lane=\"state\"} 2"));
  state.counters.in_memory = false;
  CHECK(has(metrics_text(workers, arena, std::nullopt, state), "spancast_state_in_memory 0"));
}

TEST_CASE("the lanes of both stores are told of together") {
  StoreReport store;
  store.lanes = {{"disk.write", 4, 17, 0}};
  StateReport state;
  state.lane = {"state", 1, 0, 0};
  const std::string text = metrics_text(std::vector<WorkerReport>(1), arena, store, state);
  CHECK(has(text,
            "spancast_lane_running{lane=\"disk.write\"} 4\n"
            "spancast_lane_running{lane=\"state\"} 1"));
}

}  // namespace control

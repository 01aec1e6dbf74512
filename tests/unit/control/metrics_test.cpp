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
  const std::string text = metrics_text(workers, arena, std::nullopt);
  CHECK(has(text, "spancast_arena_blocks 64"));
  CHECK(text.find("recording") == std::string::npos);
  CHECK(text.find("past") == std::string::npos);
  CHECK(text.find("lane") == std::string::npos);
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
  const std::string text = metrics_text(workers, arena, StoreReport{});
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
  const std::string text = metrics_text(workers, arena, StoreReport{});
  CHECK(has(text, "spancast_recording_streams{state=\"recording\"} 2"));
  CHECK(has(text, "spancast_recording_streams{state=\"lagging\"} 0"));
  CHECK(has(text, "spancast_recording_streams{state=\"failed\"} 2"));
}

TEST_CASE("lanes and the store's share of the arena are told") {
  StoreReport store;
  store.lanes = {{"disk.write", 4, 17, 0}, {"disk.read", 1, 0, 3}};
  store.backlog_bytes = 1 << 20;
  store.past_bytes = 4096;
  const std::string text = metrics_text(std::vector<WorkerReport>(1), arena, store);
  CHECK(has(text, "spancast_lane_running{lane=\"disk.write\"} 4"));
  CHECK(has(text, "spancast_lane_waiting{lane=\"disk.write\"} 17"));
  CHECK(has(text, "spancast_lane_refused_total{lane=\"disk.read\"} 3"));
  CHECK(has(text, "spancast_recording_backlog_bytes 1048576"));
  CHECK(has(text, "spancast_past_bytes_held 4096"));
}

}  // namespace control

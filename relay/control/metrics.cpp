#include "relay/control/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

namespace control {
namespace {

using Labels = std::vector<prometheus::ClientMetric::Label>;

/// Puts families together. A family has one name, one help text and one type.
class Page {
 public:
  void begin(const char* name, const char* help, prometheus::MetricType type) {
    families_.push_back({name, help, type, {}});
  }
  void add(double value, Labels labels = {}) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    if (families_.back().type == prometheus::MetricType::Counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
    families_.back().metric.push_back(std::move(metric));
  }
  void add(const base::Histogram& histogram, Labels labels = {}) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    std::uint64_t count = 0;
    for (std::size_t index = 0; index + 1 < base::Histogram::bucket_count; ++index) {
      count += histogram.counts()[index];
      // The bound is exclusive of the next microsecond: what is counted is below it.
      const auto bound = static_cast<double>(base::Histogram::upper_bound_us(index) + 1) / 1e6;
      metric.histogram.bucket.push_back({count, bound});
    }
    metric.histogram.sample_count = histogram.total();
    metric.histogram.sample_sum = static_cast<double>(histogram.sum_us()) / 1e6;
    families_.back().metric.push_back(std::move(metric));
  }
  std::string text() const { return prometheus::TextSerializer{}.Serialize(families_); }

 private:
  std::vector<prometheus::MetricFamily> families_;
};

void counter(Page& page, const char* name, const char* help, std::uint64_t value) {
  page.begin(name, help, prometheus::MetricType::Counter);
  page.add(static_cast<double>(value));
}

void gauge(Page& page, const char* name, const char* help, double value) {
  page.begin(name, help, prometheus::MetricType::Gauge);
  page.add(value);
}

template <class Count>
std::uint64_t sum(std::span<const WorkerReport> workers, Count count) {
  std::uint64_t total = 0;
  for (const WorkerReport& worker : workers) total += count(worker);
  return total;
}

void add_traffic(Page& page, std::span<const WorkerReport> workers) {
  const auto total = [&](auto count) { return sum(workers, count); };
  gauge(page, "spancast_connections", "Open connections that are neither publisher nor viewer",
        static_cast<double>(total([](const auto& w) { return w.connections; })));
  gauge(page, "spancast_viewers_waiting", "Viewers that wait for their stream to begin",
        static_cast<double>(total([](const auto& w) { return w.viewers_waiting; })));
  gauge(page, "spancast_publishers", "Connected publishers",
        static_cast<double>(total([](const auto& w) { return w.publishers; })));
  counter(page, "spancast_requests_total", "Requests answered or begun",
          total([](const auto& w) { return w.requests; }));
  counter(page, "spancast_refused_total", "Connections refused at a limit",
          total([](const auto& w) { return w.refused; }));
  counter(page, "spancast_accept_failures_total",
          "Times that connections began to wait for descriptors or memory",
          total([](const auto& w) { return w.accept_failures; }));
  gauge(page, "spancast_draining", "1 from the signal that ends the relay on",
        total([](const auto& w) { return w.draining ? 1U : 0U; }) > 0 ? 1 : 0);
  counter(page, "spancast_bytes_in_total", "Body bytes received from publishers",
          total([](const auto& w) { return w.bytes_in; }));
  counter(page, "spancast_chunks_total", "Chunks appended to logs",
          total([](const auto& w) { return w.chunks_in; }));
  counter(page, "spancast_input_dropped_total", "Pieces of input dropped up to a sync frame",
          total([](const auto& w) { return w.pieces_dropped; }));
  counter(page, "spancast_input_dropped_bytes_total",
          "Body bytes from publishers that found no place in the arena",
          total([](const auto& w) { return w.bytes_dropped; }));
  counter(page, "spancast_bytes_out_total", "Bytes written to viewers at once",
          total([](const auto& w) { return w.fanout.bytes; }));
  counter(page, "spancast_writes_total", "Gathering writes to viewers",
          total([](const auto& w) { return w.fanout.writes; }));
  counter(page, "spancast_short_writes_total", "Writes that the kernel did not take whole",
          total([](const auto& w) { return w.fanout.short_writes; }));
  base::Histogram latency;
  for (const WorkerReport& worker : workers) latency.add(worker.fanout.latency);
  page.begin("spancast_ingest_to_socket_seconds",
             "From the last byte of a chunk received to its write to a viewer",
             prometheus::MetricType::Histogram);
  page.add(latency);
}

void add_refusals(Page& page, std::span<const WorkerReport> workers) {
  page.begin("spancast_refusals_total", "Requests refused, by the status of the response",
             prometheus::MetricType::Counter);
  for (std::size_t index = 0; index <= refusal_statuses.size(); ++index) {
    const bool is_known = index < refusal_statuses.size();
    page.add(
        static_cast<double>(sum(workers, [&](const auto& w) { return w.refusals[index]; })),
        {{"status", is_known ? std::to_string(refusal_statuses[index]) : std::string("other")}});
  }
}

void add_ends(Page& page, std::span<const WorkerReport> workers) {
  page.begin("spancast_viewer_skips_total", "Jumps of lagging viewers, by reason",
             prometheus::MetricType::Counter);
  for (std::size_t reason = 0; reason < stream::skip_reason_count; ++reason) {
    const auto total = sum(workers, [&](const auto& w) { return w.fanout.skips[reason]; });
    page.add(static_cast<double>(total),
             {{"reason", name_of(static_cast<stream::SkipReason>(reason))}});
  }
  page.begin("spancast_viewer_ends_total", "Viewers that ended, by reason",
             prometheus::MetricType::Counter);
  for (std::size_t end = 0; end < stream::viewer_end_count; ++end) {
    const auto total = sum(workers, [&](const auto& w) { return w.viewer_ends[end]; });
    page.add(static_cast<double>(total),
             {{"reason", name_of(static_cast<stream::ViewerEnd>(end))}});
  }
  page.begin("spancast_pressure_total",
             "What was done because the arena ran full, by step in order",
             prometheus::MetricType::Counter);
  for (std::size_t step = 0; step < stream::pressure_step_count; ++step) {
    const auto total = sum(workers, [&](const auto& w) { return w.pressure[step]; });
    page.add(static_cast<double>(total),
             {{"step", name_of(static_cast<stream::PressureStep>(step))}});
  }
  page.begin("spancast_publisher_ends_total", "Publishers that ended, by reason",
             prometheus::MetricType::Counter);
  for (std::size_t end = 0; end < stream::publisher_end_count; ++end) {
    const auto total = sum(workers, [&](const auto& w) { return w.publisher_ends[end]; });
    page.add(static_cast<double>(total),
             {{"reason", name_of(static_cast<stream::PublisherEnd>(end))}});
  }
}

void add_faults(Page& page, std::span<const WorkerReport> workers) {
  stream::InputFaults faults;
  for (const WorkerReport& worker : workers) faults.add(worker.input_faults);
  page.begin("spancast_input_faults_total", "What was wrong with input and ended no publisher",
             prometheus::MetricType::Counter);
  for (std::size_t index = 0; index < stream::input_fault_count; ++index) {
    const auto fault = static_cast<stream::InputFault>(index);
    page.add(static_cast<double>(std::as_const(faults)[fault]), {{"reason", name_of(fault)}});
  }
}

void add_wire(Page& page, std::span<const WorkerReport> workers) {
  const auto total = [&](auto count) { return sum(workers, count); };
  gauge(page, "spancast_wire_viewers", "Connected viewers over the wire",
        static_cast<double>(total([](const auto& w) { return w.wire_viewers; })));
  counter(page, "spancast_wire_repeats_total",
          "Chunks and gaps from wire publishers that were here already",
          total([](const auto& w) { return w.wire_repeats; }));
  counter(page, "spancast_wire_gaps_total", "Gaps that wire publishers left",
          total([](const auto& w) { return w.wire_gaps; }));
  counter(page, "spancast_wire_checksum_errors_total",
          "Chunks from wire publishers that came damaged",
          total([](const auto& w) { return w.wire_checksum_errors; }));
  counter(page, "spancast_wire_unknown_messages_total",
          "Messages from wire publishers that only a newer relay knows",
          total([](const auto& w) { return w.wire_unknown; }));
  page.begin("spancast_wire_byes_total", "Wire connections ended by the relay, by reason",
             prometheus::MetricType::Counter);
  for (std::size_t reason = 0; reason < wire::bye_reason_count; ++reason) {
    page.add(static_cast<double>(total([&](const auto& w) { return w.wire_byes[reason]; })),
             {{"reason", name_of(static_cast<wire::ByeReason>(reason))}});
  }
}

void add_sources(Page& page, std::span<const WorkerReport> workers) {
  gauge(page, "spancast_sources_running", "Child processes that are sources",
        static_cast<double>(sum(workers, [](const auto& w) { return w.sources_running; })));
  counter(page, "spancast_source_starts_total", "Sources started",
          sum(workers, [](const auto& w) { return w.source_starts; }));
  page.begin("spancast_source_restarts_total", "Sources to be started again, by what ended them",
             prometheus::MetricType::Counter);
  for (std::size_t end = 0; end < source_end_count; ++end) {
    page.add(static_cast<double>(sum(workers, [&](const auto& w) { return w.source_ends[end]; })),
             {{"reason", name_of(static_cast<SourceEnd>(end))}});
  }
}

void add_hooks(Page& page, std::span<const WorkerReport> workers) {
  gauge(page, "spancast_hooks_running", "Hooks that run",
        static_cast<double>(sum(workers, [](const auto& w) { return w.hooks_running; })));
  gauge(page, "spancast_hooks_waiting", "Hooks that wait until others have ended",
        static_cast<double>(sum(workers, [](const auto& w) { return w.hooks_waiting; })));
  page.begin("spancast_hooks_total", "Hooks that ended or were not run, by event and result",
             prometheus::MetricType::Counter);
  for (std::size_t hook = 0; hook < hook_count; ++hook) {
    for (std::size_t end = 0; end < hook_end_count; ++end) {
      page.add(
          static_cast<double>(sum(workers, [&](const auto& w) { return w.hook_ends[hook][end]; })),
          {{"event", name_of(static_cast<Hook>(hook))},
           {"result", name_of(static_cast<HookEnd>(end))}});
    }
  }
}

void add_recording(Page& page, std::span<const WorkerReport> workers) {
  std::array<std::uint64_t, disk::recording_state_count> states{};
  for (const WorkerReport& worker : workers) {
    for (const StreamReport& report : worker.streams) {
      if (!report.home || !report.home->recording) continue;
      ++states[static_cast<std::size_t>(report.home->recording->state)];
    }
  }
  page.begin("spancast_recording_streams", "Streams with a recorder, by its state",
             prometheus::MetricType::Gauge);
  for (std::size_t state = 0; state < disk::recording_state_count; ++state) {
    page.add(static_cast<double>(states[state]),
             {{"state", name_of(static_cast<disk::RecordingState>(state))}});
  }
  counter(page, "spancast_recording_bytes_total", "Bytes written to recordings",
          sum(workers, [](const auto& w) { return w.recording.bytes; }));
  counter(page, "spancast_recording_segments_total", "Segments of recordings closed",
          sum(workers, [](const auto& w) { return w.recording.segments; }));
  counter(page, "spancast_recording_syncs_total", "Times that a segment was made durable",
          sum(workers, [](const auto& w) { return w.recording.syncs; }));
  counter(page, "spancast_recording_errors_total", "Writes to recordings that failed",
          sum(workers, [](const auto& w) { return w.recording.errors; }));
  const auto by_reason = [&](const char* name, const char* help, auto value) {
    page.begin(name, help, prometheus::MetricType::Counter);
    for (std::size_t reason = 1; reason < disk::gap_reason_count; ++reason) {
      double total = 0;
      for (const WorkerReport& worker : workers) total += value(worker.recording, reason);
      page.add(total, {{"reason", name_of(static_cast<disk::GapReason>(reason))}});
    }
  };
  by_reason("spancast_recording_gaps_total", "Gaps in recordings, by reason",
            [](const auto& r, std::size_t reason) { return static_cast<double>(r.gaps[reason]); });
  by_reason(
      "spancast_recording_gap_seconds_total", "Media time missing in recordings, by reason",
      [](const auto& r, std::size_t reason) { return base::to_seconds(r.gap_lengths[reason]); });
}

void add_past(Page& page, std::span<const WorkerReport> workers) {
  const auto total = [&](auto count) { return sum(workers, count); };
  gauge(page, "spancast_past_streams", "Parts of recordings that are being watched",
        static_cast<double>(total([](const auto& w) { return w.past.streams; })));
  gauge(page, "spancast_past_viewers", "Connected viewers that watch a recording",
        static_cast<double>(total([](const auto& w) { return w.past.viewers; })));
  counter(page, "spancast_past_reads_total", "Reads from recordings",
          total([](const auto& w) { return w.past.reads; }));
  counter(page, "spancast_past_bytes_total", "Bytes read from recordings",
          total([](const auto& w) { return w.past.bytes; }));
  counter(page, "spancast_past_errors_total", "Reads from recordings that failed",
          total([](const auto& w) { return w.past.errors; }));
  counter(page, "spancast_past_damaged_total", "Chunks of recordings that were found damaged",
          total([](const auto& w) { return w.past.damaged; }));
  counter(page, "spancast_clips_total", "Clips served",
          total([](const auto& w) { return w.past.clips; }));
  counter(page, "spancast_clip_bytes_total", "Bytes read from recordings for clips",
          total([](const auto& w) { return w.past.clip_bytes; }));
}

void add_store(Page& page, const StoreReport& store) {
  gauge(page, "spancast_recording_backlog_bytes", "Payload bytes that wait to be written",
        static_cast<double>(store.backlog_bytes));
  gauge(page, "spancast_past_bytes_held", "Bytes of the arena with what was read from recordings",
        static_cast<double>(store.past_bytes));
}

void add_lanes(Page& page, const std::vector<LaneReport>& lanes) {
  const auto by_lane = [&](const char* name, const char* help, prometheus::MetricType type,
                           auto value) {
    page.begin(name, help, type);
    for (const auto& lane : lanes) {
      page.add(static_cast<double>(value(lane)), {{"lane", lane.name}});
    }
  };
  by_lane("spancast_lane_running", "Jobs that run in the thread pool, by lane",
          prometheus::MetricType::Gauge, [](const auto& lane) { return lane.running; });
  by_lane("spancast_lane_waiting", "Jobs that wait for the thread pool, by lane",
          prometheus::MetricType::Gauge, [](const auto& lane) { return lane.waiting; });
  by_lane("spancast_lane_refused_total", "Jobs for which a lane was too full, by lane",
          prometheus::MetricType::Counter, [](const auto& lane) { return lane.refused; });
}

void add_state(Page& page, const state::Counters& state) {
  counter(page, "spancast_state_commits_total", "Commits of state with something in them",
          state.commits);
  page.begin("spancast_state_commit_seconds_total", "Time that commits of state took",
             prometheus::MetricType::Counter);
  page.add(base::to_seconds(state.commit_time));
  counter(page, "spancast_state_records_total", "Records of state written or removed",
          state.records);
  counter(page, "spancast_state_bytes_total", "Bytes of the records of state that were written",
          state.bytes);
  counter(page, "spancast_state_failures_total", "Attempts to commit state that wrote nothing",
          state.failures);
  counter(page, "spancast_state_late_total", "Commits of state that took longer than a second",
          state.late);
  counter(page, "spancast_state_rewrites_total",
          "Times that all state was written again, to another database", state.rewrites);
  counter(page, "spancast_state_refused_total", "Records of state that were too large",
          state.refused);
  counter(page, "spancast_state_damaged_records_total", "Records of state that were set aside",
          state.damaged_records);
  counter(page, "spancast_state_damaged_databases_total", "Databases of state that were set aside",
          state.damaged_databases);
  gauge(page, "spancast_state_records", "Records of state", static_cast<double>(state.kept));
  gauge(page, "spancast_state_records_waiting", "Changes of records that are to be written",
        static_cast<double>(state.waiting));
  gauge(page, "spancast_state_in_memory", "1 while what changes cannot be written",
        state.in_memory ? 1 : 0);
}

void add_streams(Page& page, std::span<const WorkerReport> workers) {
  struct Sums {
    std::uint64_t viewers = 0;
    base::Duration lag_max{};
    std::uint64_t tail_bytes = 0;
    bool live = false;
  };
  std::map<std::string, Sums> streams;
  for (const WorkerReport& worker : workers) {
    for (const StreamReport& report : worker.streams) {
      Sums& sums = streams[report.path];
      sums.viewers += report.viewers;
      sums.lag_max = std::max(sums.lag_max, report.lag_max);
      if (!report.home) continue;
      sums.tail_bytes = report.tail_bytes;
      sums.live = report.home->publisher.has_value();
    }
  }
  gauge(page, "spancast_streams", "Streams", static_cast<double>(streams.size()));
  const auto family = [&](const char* name, const char* help, auto value) {
    page.begin(name, help, prometheus::MetricType::Gauge);
    for (const auto& [path, sums] : streams) {
      page.add(static_cast<double>(value(sums)), {{"stream", path}});
    }
  };
  family("spancast_stream_live", "1 while a publisher is connected",
         [](const Sums& s) { return s.live ? 1 : 0; });
  family("spancast_viewers", "Connected viewers", [](const Sums& s) { return s.viewers; });
  family("spancast_viewer_lag_seconds", "Media time by which the slowest viewer is behind",
         [](const Sums& s) { return base::to_seconds(s.lag_max); });
  family("spancast_stream_tail_bytes", "Payload of the tail",
         [](const Sums& s) { return s.tail_bytes; });
}

void add_arena(Page& page, std::span<const WorkerReport> workers, const ArenaReport& arena) {
  gauge(page, "spancast_arena_blocks", "Blocks of the arena", static_cast<double>(arena.blocks));
  // Each worker spoke for itself, at another moment than the free list did.
  const std::uint64_t ready = sum(workers, [](const auto& w) { return w.blocks_ready; });
  const std::uint64_t free = std::min(arena.blocks, arena.blocks_free + ready);
  gauge(page, "spancast_arena_blocks_free", "Blocks that nobody holds", static_cast<double>(free));
  const auto used = (arena.blocks - free) * arena.block_bytes;
  gauge(page, "spancast_arena_bytes_pinned", "Bytes of the blocks that are held",
        static_cast<double>(used));
  std::uint64_t referenced = 0;
  std::uint64_t unfinished = 0;
  for (const WorkerReport& worker : workers) {
    unfinished += worker.bytes_pinned;
    for (const StreamReport& report : worker.streams) {
      if (report.home) referenced += report.tail_bytes;
    }
  }
  gauge(page, "spancast_arena_bytes_referenced", "Payload bytes of all tails",
        static_cast<double>(referenced));
  gauge(page, "spancast_viewer_bytes_pinned", "Payload bytes that unfinished writes hold",
        static_cast<double>(unfinished));
}

void add_workers(Page& page, std::span<const WorkerReport> workers) {
  const auto label = [](const WorkerReport& worker) {
    return Labels{{"worker", std::to_string(worker.worker)}};
  };
  page.begin("spancast_loop_lag_seconds", "How late the 10 ms timer of a worker was",
             prometheus::MetricType::Histogram);
  for (const WorkerReport& worker : workers) page.add(worker.loop_lag, label(worker));
  page.begin("spancast_worker_busy_ratio", "Share of the time that a worker did not wait",
             prometheus::MetricType::Gauge);
  for (const WorkerReport& worker : workers) page.add(worker.busy, label(worker));
  page.begin("spancast_flush_interval_seconds", "What the flush interval `auto` is now",
             prometheus::MetricType::Gauge);
  for (const WorkerReport& worker : workers) {
    page.add(base::to_seconds(worker.flush_interval), label(worker));
  }
}

}  // namespace

std::string metrics_text(std::span<const WorkerReport> workers, const ArenaReport& arena,
                         const std::optional<StoreReport>& store,
                         const std::optional<StateReport>& state) {
  Page page;
  add_traffic(page, workers);
  add_refusals(page, workers);
  add_ends(page, workers);
  add_faults(page, workers);
  add_wire(page, workers);
  add_sources(page, workers);
  add_hooks(page, workers);
  add_streams(page, workers);
  add_arena(page, workers, arena);
  add_workers(page, workers);
  if (store) {
    add_recording(page, workers);
    add_past(page, workers);
    add_store(page, *store);
  }
  if (state) add_state(page, state->counters);
  std::vector<LaneReport> lanes;
  if (store) lanes = store->lanes;
  if (state) lanes.push_back(state->lane);
  if (!lanes.empty()) add_lanes(page, lanes);
  return page.text();
}

}  // namespace control

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "relay/base/histogram.hpp"
#include "relay/base/time.hpp"
#include "relay/control/hook_event.hpp"
#include "relay/disk/counters.hpp"
#include "relay/media/track.hpp"
#include "relay/protocol/wire/message.hpp"
#include "relay/state/counters.hpp"
#include "relay/stream/end_reason.hpp"
#include "relay/stream/fanout.hpp"
#include "relay/stream/input_fault.hpp"
#include "relay/stream/pressure.hpp"

namespace control {

/// What one worker says about one stream.
struct StreamReport {
  std::string path;
  std::uint32_t viewers = 0;  ///< on this worker
  base::Duration lag_max{};   ///< of the viewer furthest behind
  std::uint64_t tail_bytes = 0;

  /// By the home worker only.
  struct Home {
    struct Publisher {
      base::Duration age{};
      base::Duration idle{};
      std::uint64_t bytes = 0;
      const char* protocol = "";  ///< http, wire or source
    };
    std::uint64_t epoch = 0;
    std::optional<Publisher> publisher;
    std::vector<media::Track> tracks;
    base::Duration tail_length{};
    std::uint64_t first_sequence = 0;
    std::uint64_t next_sequence = 0;
    std::optional<disk::RecordingStatus> recording;  ///< nothing: it is not recorded
  };
  std::optional<Home> home;
};

/// The statuses that refuse a request; all others are counted together behind them.
constexpr std::array<unsigned, 17> refusal_statuses = {400, 401, 403, 404, 405, 406, 408, 409, 411,
                                                       415, 416, 417, 426, 431, 503, 504, 505};

/// Why a source is started again; a metric's label and a word of its log line.
enum class SourceEnd : std::uint8_t {
  finished,     ///< exit code 0
  failed,       ///< another one, or a signal
  bad_media,    ///< what it wrote is no media
  not_started,  ///< there is no such program, or no room for its stream
  stalled,      ///< it wrote nothing for `source.stall`
};
constexpr std::size_t source_end_count = 5;
constexpr const char* name_of(SourceEnd end) noexcept {
  constexpr const char* names[] = {"finished", "failed", "bad_media", "not_started", "stalled"};
  return names[static_cast<std::size_t>(end)];
}

/// What one worker says about itself: a copy of its plain integers.
struct WorkerReport {
  unsigned worker = 0;
  std::vector<StreamReport> streams;
  stream::FanoutCounters fanout;
  base::Duration flush_interval{};
  base::Histogram loop_lag;
  double busy = 0;
  std::uint64_t connections = 0;
  std::uint64_t viewers_waiting = 0;  ///< for a stream, with `?wait=`
  std::uint64_t publishers = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t chunks_in = 0;
  std::uint64_t pieces_dropped = 0;
  std::uint64_t bytes_dropped = 0;  ///< of `bytes_in`, that found no place in the arena
  stream::InputFaults input_faults;
  std::uint64_t wire_viewers = 0;  ///< of the viewers, those over the wire
  std::uint64_t wire_repeats = 0;
  std::uint64_t wire_gaps = 0;
  std::uint64_t wire_checksum_errors = 0;
  std::uint64_t wire_unknown = 0;
  std::array<std::uint64_t, wire::bye_reason_count> wire_byes{};  ///< said by us
  std::uint64_t requests = 0;
  std::uint64_t refused = 0;
  std::array<std::uint64_t, refusal_statuses.size() + 1> refusals{};  ///< by status
  std::uint64_t accept_failures = 0;
  bool draining = false;
  std::uint64_t bytes_pinned = 0;  ///< by unfinished writes of viewers
  std::uint64_t blocks_ready = 0;  ///< free, but kept by this worker
  std::array<std::uint64_t, stream::pressure_step_count> pressure{};
  std::array<std::uint64_t, stream::viewer_end_count> viewer_ends{};
  std::array<std::uint64_t, stream::publisher_end_count> publisher_ends{};
  std::uint64_t hooks_running = 0;  ///< by the first worker only, as what follows
  std::uint64_t hooks_waiting = 0;
  HookEnds hook_ends{};
  std::uint64_t sources_running = 0;
  std::uint64_t source_starts = 0;
  std::array<std::uint64_t, source_end_count> source_ends{};  ///< that are to start again
  disk::RecordingCounters recording;
  disk::PastCounters past;

  void count_refusal(unsigned status) noexcept {
    std::size_t index = 0;
    while (index < refusal_statuses.size() && refusal_statuses[index] != status) ++index;
    ++refusals[index];
  }
};

/// The arena as a whole.
struct ArenaReport {
  std::uint64_t block_bytes = 0;
  std::uint64_t blocks = 0;
  std::uint64_t blocks_free = 0;  ///< and not kept by a worker
};

/// Jobs of the thread pool that belong together.
struct LaneReport {
  std::string name;
  std::uint64_t running = 0;
  std::uint64_t waiting = 0;
  std::uint64_t refused = 0;  ///< since the start
};

/// The store of recordings as a whole.
struct StoreReport {
  std::vector<LaneReport> lanes;
  std::uint64_t backlog_bytes = 0;  ///< of the arena, that wait to be written
  std::uint64_t past_bytes = 0;     ///< of the arena, that were read back
};

/// The store of state as a whole.
struct StateReport {
  LaneReport lane;
  state::Counters counters;
};

}  // namespace control

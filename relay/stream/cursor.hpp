#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "relay/base/result.hpp"
#include "relay/memory/written.hpp"
#include "relay/stream/feed.hpp"
#include "relay/stream/policy.hpp"

namespace stream {

class Audience;
struct FanoutCounters;

/// Why a viewer was moved forward; also a metric's label.
enum class SkipReason { lag, tail, replica };
constexpr std::size_t skip_reason_count = 3;
const char* name_of(SkipReason reason) noexcept;

/// A position in a log that reads on through a feed: all that a viewer has besides its socket.
/// Owned by the viewer, one worker. Serving it never allocates, locks or copies, unless a write is
/// short: it finds the slice of the feed's buffers between itself and the end and hands it on.
class Cursor {
 public:
  /// Who takes the bytes.
  class Sink {
   public:
    virtual ~Sink() = default;
    /// Writes what can be taken at once.
    virtual memory::Written write_now(std::span<const iovec> buffers) noexcept = 0;
    /// The rest of what was cut. The cursor is not served until `resume()`.
    virtual void write_rest(ImageRest rest) noexcept = 0;
    /// The connection broke; the cursor is not served again.
    virtual void on_broken(base::Error error) noexcept = 0;
    /// Too far behind under SlowPolicy::disconnect; stands at a chunk boundary, not served again.
    virtual void on_too_slow() noexcept = 0;
    /// What comes next cannot be said in this response; stands at a chunk boundary, not served
    /// again.
    virtual void on_tracks_changed() noexcept = 0;
    /// The stream is over; the cursor has left it and may be gone when this returns.
    virtual void on_stream_end() noexcept = 0;
    /// The feed needs this much room for unsent bytes in the socket.
    virtual void on_unsent_needed(std::size_t bytes) noexcept = 0;
  };

  /// Begins at the newest sync chunk (or the oldest), now or when there is one.
  Cursor(Sink& sink, const ViewerPolicy& policy, Begin begin = Begin::newest) noexcept;
  ~Cursor();
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  void enter(Audience& audience);
  void leave();
  /// Leaves because the stream is over.
  void end() noexcept {
    leave();
    sink_.on_stream_end();
  }
  Audience* audience() const noexcept { return audience_; }

  /// The sink is busy with something of its own: not served until `resume()`.
  void wait() noexcept { busy_ = 1; }
  /// The rest was written: serve again, when it is this cursor's turn.
  void resume() noexcept;
  /// Its replica was seeded anew: what it read before is not followed by what is there now.
  void restart() noexcept;

  /// Writes what lies between the cursor and the end of the log, and counts it. True when more is
  /// there and the sink took everything so far.
  bool serve(FanoutCounters& counters) noexcept;

  /// As much of what is there as the sink takes at once, whosever turn it is.
  void serve_all() noexcept;

  void prefetch() const noexcept {
    // The cursor and what lies around it: a viewer has it in its middle.
    const char* const begin = reinterpret_cast<const char*>(this) - 64;
    __builtin_prefetch(begin);
    __builtin_prefetch(begin + 64);
    __builtin_prefetch(begin + 128);
  }

  bool started() const noexcept { return sequence_.has_value(); }
  /// The next chunk to send; only when started.
  std::uint64_t sequence() const noexcept { return *sequence_; }
  bool is_waiting() const noexcept { return busy_ > 0; }
  /// Nothing in the log is left for it; only what the sink is busy with.
  bool has_read_all() const noexcept;
  /// When the oldest chunk was received that it waits to be served; nothing when there is none, or
  /// its position is to be found yet.
  std::optional<base::Time> held_since() const noexcept;
  std::uint64_t skips() const noexcept { return skips_; }
  /// Media time between the next chunk and the newest.
  MediaTime lag() const noexcept;

 private:
  friend class Audience;
  friend class Fanout;
  static constexpr std::size_t no_seat = static_cast<std::size_t>(-1);

  bool find_position(const StreamLog& log, FanoutCounters& counters) noexcept;
  bool can_go_on(const StreamLog& log) noexcept;
  void jump(std::optional<std::uint64_t> sequence, SkipReason reason,
            FanoutCounters& counters) noexcept;
  void count_skip(SkipReason reason, FanoutCounters& counters) noexcept;
  bool send_join(Feed& feed, FanoutCounters& counters) noexcept;
  bool send_run(const Feed::Run& run, FanoutCounters& counters) noexcept;
  void on_short_write(const Feed& feed, std::size_t written, FanoutCounters& counters) noexcept;
  void break_off(memory::Written written) noexcept;
  void keep_rest(ImageRest rest, FanoutCounters& counters) noexcept;
  void stop() noexcept { busy_ = 2; }

  Sink& sink_;
  Audience* audience_ = nullptr;
  std::size_t seat_ = no_seat;  // index in the audience
  std::optional<std::uint64_t> sequence_;
  base::Duration max_lag_;
  std::uint64_t skips_ = 0;
  std::size_t unsent_ = 0;
  std::uint32_t generation_ = 0;  // of what it began with
  SlowPolicy slow_;
  JoinKind join_kind_ = JoinKind::start;
  bool needs_join_ = true;
  Begin begin_;
  bool restarted_ = false;  // a skip that is counted when there is where to
  std::uint8_t busy_ = 0;   // 1: waits for resume(), 2: is never served again
  bool queued_ = false;     // in the fan-out's list of those to be served soon
};

}  // namespace stream

#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "relay/base/result.hpp"
#include "relay/media/track_set.hpp"
#include "relay/memory/written.hpp"
#include "relay/protocol/wire/message.hpp"
#include "relay/stream/feed.hpp"
#include "relay/stream/policy.hpp"

namespace stream {

class Audience;
struct FanoutCounters;
struct LagDecision;
struct Place;

/// Why a viewer was moved forward; also a metric's label.
enum class SkipReason { lag, tail, replica };
constexpr std::size_t skip_reason_count = 3;
const char* name_of(SkipReason reason) noexcept;

/// What comes next is not what follows from what a cursor has sent.
struct Seam {
  /// Not reached by reading: the cursor begins here. So it does after it was moved.
  bool begins;
  /// Why what would have followed is not `next`. Unspecified: it is, or nothing in particular was
  /// asked for; only what the samples mean may have changed.
  wire::GapReason reason;
  /// What would have followed, or was asked for; `next.position` where that was none.
  wire::Position from;
  const Chunk& next;  ///< in the feed's log, so with `wire_tracks` in that of a wire format
};

/// Where a cursor goes on that has read another log before, or begins in the past.
struct Entry {
  std::uint64_t sequence = 0;  ///< of the feed's log; may still come
  /// At the first sync chunk there or behind it. Not of one that follows positions: exactly there.
  bool at_sync = true;
  /// Of one that follows positions: why that is not where it wanted to go on.
  wire::GapReason reason = wire::GapReason::unspecified;
  bool is_skip = false;  ///< nobody has what comes before it any more: counted as out of the tail
};

/// A position in a log that reads on through a feed: all that a viewer has besides its socket.
/// Owned by the viewer, one worker. Serving it never allocates, locks or copies, unless a write is
/// short: it finds the slice of the feed's buffers between itself and the end and hands it on.
///
/// One that follows positions, of a viewer over the wire, begins exactly where it should and tells
/// its sink of every seam before it goes on; others go on behind join images.
class Cursor {
 public:
  /// Who takes the bytes.
  class Sink {
   public:
    virtual ~Sink() = default;
    /// Will write soon: has what that needs on its way into the cache.
    virtual void prefetch() const noexcept {}
    /// Writes what can be taken at once.
    virtual memory::Written write_now(std::span<const iovec> buffers) noexcept = 0;
    /// The rest of what was cut. The cursor is not served until `resume()`.
    virtual void write_rest(ImageRest rest) noexcept = 0;
    /// The connection broke; the cursor is not served again.
    virtual void on_broken(base::Error error) noexcept = 0;
    /// Too far behind under SlowPolicy::disconnect; stands at a chunk boundary, not served again.
    virtual void on_too_slow() noexcept = 0;
    /// Stands at a chunk boundary, before `seam.next`. To one that follows positions the sink says
    /// what has to be said, with `wait()` if that takes longer, and it goes on. Others are only
    /// told where what comes next cannot be said in their response, and are not served again.
    virtual void on_seam(const Seam& seam) noexcept = 0;
    /// All before `until` was sent; not served again.
    virtual void on_until() noexcept = 0;
    /// What comes next for it, at this position, is not in the log that it reads: it fell out of a
    /// tail under SlowPolicy::catch_up, or of what a past stream keeps. `has_ended`: it has read a
    /// past stream that ends here. True: the sink takes it elsewhere, and it has left; false: it
    /// goes on as if nobody could.
    virtual bool on_elsewhere(wire::Position, bool /*has_ended*/) noexcept { return false; }
    /// The stream is over; the cursor has left it and may be gone when this returns.
    virtual void on_stream_end() noexcept = 0;
    /// The feed needs this much room for unsent bytes in the socket.
    virtual void on_unsent_needed(std::size_t bytes) noexcept = 0;
  };

  /// Begins at the newest sync chunk (or the oldest), now or when there is one.
  Cursor(Sink& sink, const ViewerPolicy& policy, Begin begin = Begin::newest) noexcept;
  /// Follows positions, in a feed of wire images: begins at `start`, now or when that is there (see
  /// `find_place()`), and ends before `until`. What it lags when it begins is no lag that the
  /// policy is for.
  Cursor(Sink& sink, const ViewerPolicy& policy, const wire::Start& start,
         std::optional<wire::Position> until = std::nullopt) noexcept;
  ~Cursor();
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  void enter(Audience& audience);
  /// Goes on there, or begins.
  void enter(Audience& audience, const Entry& entry);
  void leave();
  /// Leaves because the stream is over.
  void end() noexcept {
    leave();
    sink_.on_stream_end();
  }
  /// Leaves because the log goes on elsewhere, at this position; the stream is over for a sink that
  /// does not know where.
  void hand_on(wire::Position next) noexcept;
  Audience* audience() const noexcept { return audience_; }

  /// The sink is busy with something of its own: not served until `resume()`.
  void wait() noexcept { busy_ |= waits; }
  /// The rest was written: serve again, when it is this cursor's turn.
  void resume() noexcept;
  /// Its log began anew somewhere else: what it read before is not followed by what is there now,
  /// unless it follows positions and the next one is there.
  void restart() noexcept;

  /// Goes on somewhere else; only of one that follows positions.
  void move(const wire::Start& start) noexcept;
  /// Has left a log: in the next one its position is looked for. Likewise.
  void keep_position() noexcept {
    if (sequence_) look_again(position());
  }
  /// Sends nothing until `go_on()`. The place stays, as far as the log keeps what is there; where
  /// it begins is still told.
  void halt() noexcept { busy_ |= halted; }
  void go_on() noexcept;
  bool is_halted() const noexcept { return (busy_ & halted) != 0; }

  /// Writes what lies between the cursor and the end of the log, and counts it. True when more is
  /// there and the sink took everything so far.
  bool serve(FanoutCounters& counters) noexcept;

  /// As much of what is there as the sink takes at once, whosever turn it is.
  void serve_all() noexcept;

  /// Will be served as the one after the next, and as the next.
  void prefetch() const noexcept {
    // The cursor and what lies around it: a viewer has it in its middle.
    const char* const begin = reinterpret_cast<const char*>(this) - 64;
    __builtin_prefetch(begin);
    __builtin_prefetch(begin + 64);
    __builtin_prefetch(begin + 128);
  }
  void prefetch_sink() const noexcept { sink_.prefetch(); }

  bool started() const noexcept { return sequence_.has_value(); }
  /// The next chunk to send; only when started.
  std::uint64_t sequence() const noexcept { return *sequence_; }
  /// Likewise, also before it has started where that was told by its entry.
  std::optional<std::uint64_t> place() const noexcept {
    return crossing_ && crossing_->entry ? crossing_->entry->sequence : sequence_;
  }
  bool is_waiting() const noexcept { return busy_ > 0; }
  /// What comes next for one that follows positions; only when started.
  wire::Position position() const noexcept {
    return {numbering_.epoch, numbering_.sequence + *sequence_};
  }
  /// Likewise, also before it has started: where it is to begin.
  wire::Start wanted() const noexcept { return sequence_ ? wire::Start(position()) : start_; }
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

  // Why it is not served; nothing: it is.
  static constexpr std::uint8_t waits = 1;    // for resume()
  static constexpr std::uint8_t stopped = 2;  // for ever
  static constexpr std::uint8_t halted = 4;   // for go_on()

  // Of one that leaves a log for another one.
  struct Crossing {
    std::optional<Entry> entry;                    // where it goes on, until it has
    std::shared_ptr<const media::TrackSet> shown;  // what its response has said last
  };

  bool serve_slowly(Feed& feed, FanoutCounters& counters) noexcept;
  bool serve_halted(FanoutCounters& counters) noexcept;
  bool begin(const StreamLog& log, FanoutCounters& counters) noexcept;
  bool find_start(Feed& feed, FanoutCounters& counters) noexcept;
  bool find_position(Feed& feed, FanoutCounters& counters) noexcept;
  bool can_go_on(const StreamLog& log) noexcept;
  bool cross(const StreamLog& log) noexcept;
  bool tell(Seam seam) noexcept;
  void look_again(const wire::Start& start) noexcept;
  Place entry_place(const StreamLog& log) const noexcept;
  bool go_in(const StreamLog& log, FanoutCounters& counters) noexcept;
  bool is_entry_gone(const StreamLog& log) noexcept;
  bool go_elsewhere(const StreamLog& log, std::uint64_t sequence) noexcept;
  bool can_say(const Chunk& next) const noexcept;
  void remember_shown(const Chunk& near) noexcept;
  base::Duration lag_allowed() noexcept;
  bool is_at_until() const noexcept;
  std::uint64_t limit() const noexcept;
  bool jump(const StreamLog& log, const LagDecision& decision, FanoutCounters& counters) noexcept;
  bool jump_exactly(const StreamLog& log, const LagDecision& decision,
                    FanoutCounters& counters) noexcept;
  void count_skip(SkipReason reason, FanoutCounters& counters) noexcept;
  bool send_join(Feed& feed, FanoutCounters& counters) noexcept;
  bool send_run(const Feed::Run& run, FanoutCounters& counters) noexcept;
  void on_short_write(const Feed& feed, std::size_t written, FanoutCounters& counters) noexcept;
  void break_off(memory::Written written) noexcept;
  void keep_rest(ImageRest rest, FanoutCounters& counters) noexcept;
  void stop() noexcept { busy_ |= stopped; }

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
  bool needs_join_ = true;  // or has an `until_`: the short way is not for it
  Begin begin_ = Begin::newest;
  bool restarted_ = false;  // a skip that is counted when there is where to
  std::uint8_t busy_ = 0;
  bool queued_ = false;     // in the fan-out's list of those to be served soon
  bool is_exact_ = false;   // follows positions
  bool has_begun_ = false;  // such a one: the sink was told where
  MediaTime slack_ = 0;     // what it may lag besides, since it began there
  // Of one that follows positions:
  wire::Position numbering_;  // its epoch, and what to add to `sequence_` for its numbers
  wire::Position until_;      // epoch 0: none
  wire::Start start_;         // while it is to be found
  std::unique_ptr<Crossing> crossing_;
};

}  // namespace stream

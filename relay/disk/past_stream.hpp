#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "relay/base/time.hpp"
#include "relay/disk/counters.hpp"
#include "relay/disk/past_memory.hpp"
#include "relay/disk/past_pace.hpp"
#include "relay/disk/past_read.hpp"
#include "relay/disk/record_reader.hpp"
#include "relay/disk/store.hpp"
#include "relay/loop/worker.hpp"
#include "relay/memory/block_pool.hpp"
#include "relay/stream/fanout.hpp"
#include "relay/stream/stream.hpp"

namespace disk {

/// Who watches what was recorded: a session, by its id.
using PastAsker = std::uint64_t;

/// Where somebody begins in the past, or goes on.
struct PastWish {
  PastAsker asker = 0;
  std::string path;
  stream::FormatKind kind = media::Container::mpegts;
  wire::Start start;        ///< a UTC or a position
  bool syncs_only = false;  ///< of a player that plays faster
};

/// What it is answered.
struct PastAnswer {
  enum class Kind : std::uint8_t {
    past,     ///< in `stream`, from `sequence` on
    live,     ///< `position` is where the log of the live stream has it
    nothing,  ///< nothing is recorded there or later
    failed,   ///< nobody knows: the disk does not answer, or too many ask
  };
  Kind kind = Kind::failed;
  stream::Stream* stream = nullptr;
  std::uint64_t sequence = 0;
  wire::Position position;
  base::Utc utc{};                     ///< of that chunk
  GapReason gap = GapReason::none;     ///< why it is not what was asked for
  std::optional<base::Utc> gap_begin;  ///< of that gap, as far as it is known
};

/// What past streams need of their worker, and of the rest of the relay.
class PastHost {
 public:
  virtual ~PastHost() = default;
  struct Live {
    stream::Stream* stream = nullptr;  ///< as it can be read on this worker
    bool is_published = false;         ///< somewhere
  };
  /// It will be needed soon: where it is read elsewhere only, it is made to come here.
  virtual Live find_live(const std::string& path) noexcept = 0;
  virtual const stream::PathPolicy& policy_of(const std::string& path) noexcept = 0;
  virtual void on_past_answer(PastAsker asker, const PastAnswer& answer) noexcept = 0;
};

/// What the past streams of one worker share.
struct PastShared {
  loop::Worker& worker;
  Store& store;
  memory::BlockPool& pool;
  PastMemory& memory;
  stream::Fanout& fanout;
  PastHost& host;
  PastRead::Events& events;
  PastCounters& counters;
  PastPace::Room room;  ///< for each of them
};

/// A part of a recording that is being watched: read back piece by piece into a log of its own,
/// which viewers near each other read like a live one, in one format. It ends where the live log
/// has what comes next, and hands its viewers on to there; else where the recording ends and nobody
/// publishes. Owned by the PastTable of its worker.
class PastStream {
 public:
  struct Key {
    std::string path;
    stream::FormatKind kind;
    bool syncs_only;
    bool operator==(const Key&) const = default;
  };

  /// Begins at `place`.
  PastStream(PastShared& shared, std::uint64_t id, Key key, Store::Place place, base::Time now);
  ~PastStream();

  std::uint64_t id() const noexcept { return id_; }
  const Key& key() const noexcept { return key_; }
  stream::Stream& stream() noexcept { return stream_; }
  const stream::Stream& stream() const noexcept { return stream_; }

  /// Where in what is there now it has what somebody wishes for.
  std::optional<std::uint64_t> find(const PastWish& wish) const noexcept;
  /// Nothing has been read yet, and it begins with this chunk: who wishes for it waits.
  bool is_to_begin_with(wire::Position position) const noexcept {
    return stream_.log().end() == 0 && is_next(position);
  }
  /// Answered when there is a chunk.
  void wait(PastAsker asker, const PastAnswer& answer) { waiting_.push_back({asker, answer}); }
  void on_joined(base::Time now) noexcept { pace_.on_joined(now); }

  void on_read(PastRead& read, base::Time now) noexcept;
  /// Where it has ended: viewers that have read all of it leave. How many.
  std::size_t hand_on() noexcept;
  /// At the end of a turn: reads on. `has_moved`: some viewer in the past was
  /// written to. False: nobody needs it any more.
  bool run(base::Time now, bool has_moved) noexcept;
  /// When it wants to be run again at the latest.
  std::optional<base::Time> wake() const noexcept { return look_at_; }
  /// Lets go what it holds; its viewers come back. False: it holds nothing.
  bool let_go() noexcept;
  /// How many bytes of the arena it uses besides what it has read.
  std::size_t converted_bytes() const noexcept;
  base::Time moved() const noexcept { return pace_.moved(); }

 private:
  struct Waiting {
    PastAsker asker;
    PastAnswer answer;
  };

  void take_records(PastRead& read, base::Time now);
  bool take_record(PastRead& read, const PastRead::Record& record, base::Time now);
  bool begin_segment(const PastRead& read);
  void append(stream::Chunk&& chunk, GapReason gap, base::Time now);
  void append_late(stream::Chunk&& chunk, base::Time now);
  void count(const PastRead& read) noexcept;
  /// Whether the live log goes on with a chunk, and has all that it has here.
  enum class Exit : std::uint8_t { none, whole, but_late };
  Exit find_exit(const stream::Chunk& chunk) noexcept;
  void answer_waiting(PastAnswer::Kind kind, const stream::Chunk* chunk, GapReason gap) noexcept;
  bool is_next(wire::Position position) const noexcept;
  bool has_ended() const noexcept { return goes_on_ || is_over_; }
  bool looks_for_more(base::Time now) noexcept;
  void look_at_end(base::Time now) noexcept;
  void read_on(base::Time now);
  void submit(base::Time now);
  void hold(std::int64_t segment) noexcept;
  wire::Position next_position() const noexcept;

  PastShared& shared_;
  const std::uint64_t id_;
  const Key key_;
  stream::Stream stream_;
  RecordReader reader_;
  PastPace pace_;
  std::vector<Waiting> waiting_;

  PastCursor next_;
  std::optional<std::int64_t> held_;  // the segment that it reads
  std::int64_t head_of_ = 0;          // of `reader_`
  std::size_t bytes_needed_ = 0;      // by the next chunk, if it is that large
  bool is_reading_ = false;
  std::optional<base::Time> look_at_;  // at the latest
  base::Time look_not_before_{};

  /// What is recorded was read to its end.
  struct End {
    base::Time since;
    base::Time looked_at;
    bool may_grow;
    std::optional<base::Time> unpublished_since;
  };
  std::optional<End> end_;
  // It has ended: the live log goes on with that; or for good.
  std::optional<wire::Position> goes_on_;
  bool is_over_ = false;
};

}  // namespace disk

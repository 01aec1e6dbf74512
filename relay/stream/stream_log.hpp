#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "relay/stream/chunk.hpp"
#include "relay/stream/policy.hpp"

namespace stream {

/// The tail of one stream on one worker: numbered chunks without a hole, the newest part of the
/// log. Bounded by time and bytes (design, section 2): by time down to the newest sync chunk, by
/// bytes also beyond it. Chunks of next to no bytes are bounded in number, since what is known of
/// each lies outside of the arena: one for 4 KiB that the tail may have, but never fewer than
/// these.
class StreamLog {
 public:
  static constexpr std::size_t chunks_least = 1024;
  static constexpr std::size_t chunks_most = 16 * 1024;
  /// Of chunks that it has not any more, it knows what they are called: so many runs of positions
  /// that follow one another.
  static constexpr std::size_t dropped_runs_max = 64;

  /// `is_past`: of chunks that were read back, where nobody lags but by the clock of its reader.
  StreamLog(const TailPolicy& policy, std::uint64_t first_sequence, bool is_past = false);
  /// In step with `source`, which outlives it: the same chunks otherwise put.
  StreamLog(const TailPolicy& policy, std::uint64_t first_sequence, const StreamLog& source);

  bool is_past() const noexcept { return is_past_; }

  std::uint64_t first() const noexcept { return first_; }
  /// One past the newest chunk.
  std::uint64_t end() const noexcept { return first_ + chunks_.size(); }
  bool empty() const noexcept { return chunks_.empty(); }
  /// `first() <= sequence < end()`.
  const Chunk& at(std::uint64_t sequence) const noexcept {
    return chunks_[static_cast<std::size_t>(sequence - first_)];
  }
  const Chunk& newest() const noexcept { return chunks_.back(); }
  std::optional<std::uint64_t> newest_sync() const noexcept;
  std::optional<std::uint64_t> oldest_sync() const noexcept;
  /// What the chunk at that place is or was called, or what would follow the last one before it
  /// that is known. Nothing: none is.
  std::optional<wire::Position> position_of(std::uint64_t sequence) const noexcept;

  std::uint64_t bytes() const noexcept { return bytes_; }
  /// Of the arena: the payload and what is kept with it. This is what `TailPolicy::bytes` bounds.
  std::uint64_t held_bytes() const noexcept { return held_bytes_; }
  /// Where in media time the clock was when the newest chunk arrived: its end for a live source,
  /// earlier for a publisher that runs ahead. What lags, lags behind this.
  MediaTime clock() const noexcept { return chunks_.back().time - chunks_.back().ahead; }
  /// Media time from the oldest chunk to the newest.
  MediaTime length() const noexcept;

  /// `chunk.sequence` must be `end()`.
  void append(Chunk&& chunk);
  /// Drops what the bounds no longer allow.
  void trim();
  /// Drops everything older than the newest sync chunk: the first answer to a full arena.
  void trim_to_newest_group();
  /// Drops everything before `sequence`.
  void drop_before(std::uint64_t sequence);
  /// Drops everything and goes on at `sequence`, as when a replica is seeded again.
  void restart(std::uint64_t sequence);

 private:
  // Chunks that were dropped, whose positions follow one another as their places do.
  struct Run {
    std::uint64_t first;
    std::uint64_t end;
    wire::Position position;  // of the first

    wire::Position at(std::uint64_t sequence) const noexcept {
      return {position.epoch, position.sequence + (sequence - first)};
    }
  };

  void drop_oldest();
  void remember_oldest();

  TailPolicy policy_;
  bool is_past_;
  const StreamLog* source_ = nullptr;
  std::size_t chunks_max_;
  std::uint64_t first_;
  std::deque<Chunk> chunks_;
  std::deque<std::uint64_t> syncs_;
  std::deque<Run> dropped_;  // not of one that has a source
  std::uint64_t bytes_ = 0;
  std::uint64_t held_bytes_ = 0;
};

}  // namespace stream

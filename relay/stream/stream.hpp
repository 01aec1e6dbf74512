#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relay/stream/fanout.hpp"
#include "relay/stream/format.hpp"
#include "relay/stream/policy.hpp"
#include "relay/stream/stream_log.hpp"

namespace stream {

/// One worker's copy of a stream: the tail and the feeds that viewers on this worker read. On the
/// home worker a publisher appends to it, elsewhere the replica's messages do.
class Stream {
 public:
  /// `is_past`: of chunks that were read back from disk.
  Stream(std::string path, const PathPolicy& policy, Fanout& fanout, memory::BlockPool& pool,
         std::uint64_t first_sequence, bool is_past = false);
  ~Stream();

  const std::string& path() const noexcept { return path_; }
  const PathPolicy& policy() const noexcept { return policy_; }
  const StreamLog& log() const noexcept { return log_; }

  /// The feed of this kind with this framing; made when missing, then from `begin` on.
  Feed& feed(FormatKind kind, Framing framing, Begin begin = Begin::newest);
  /// The same for one that goes on or begins at this chunk, or behind it at a sync chunk. Null: the
  /// format was made for others, from a later one on.
  Feed* feed_at(FormatKind kind, Framing framing, std::uint64_t sequence);
  /// Whether there would be such a feed.
  bool can_enter(FormatKind kind, std::uint64_t sequence) const noexcept;
  /// It is there already, and has got what comes before that chunk, too.
  bool is_made(FormatKind kind, std::uint64_t sequence) const noexcept;
  /// Drops feeds that nobody reads any more.
  void drop_unused_feeds();
  /// The stream is over: cursors that have read all of it leave and are told, `most` of them, which
  /// is counted down. True when none is left; the others read on. `next`: where it goes on in
  /// another log.
  bool end_finished(std::size_t& most, std::optional<wire::Position> next = std::nullopt);
  /// The same for all cursors, wherever they are.
  void end();
  std::size_t viewers() const noexcept;
  /// Calls `visit(const Cursor&)`.
  template <class Visit>
  void for_each_cursor(Visit visit) const {
    for_each_audience([&visit](const Audience& audience, const Format&) {
      for (const Cursor* cursor : audience.cursors()) visit(*cursor);
    });
  }
  /// Bytes and time by which the slowest viewer lags.
  MediaTime lag_max() const noexcept;

  void append(Chunk&& chunk);
  /// Drops everything older than the newest sync chunk.
  void trim_to_newest_group();
  /// Drops everything before `sequence`.
  void drop_before(std::uint64_t sequence);
  /// Begins anew at `sequence`; cursors jump to the newest sync chunk that comes.
  void restart(std::uint64_t sequence);

  /// Its publisher did not end it but was lost, and may come again: what those who can ask again
  /// are told when it is over.
  void set_lost(bool is_lost) noexcept { is_lost_ = is_lost; }
  bool is_lost() const noexcept { return is_lost_; }

 private:
  template <class Visit>
  void for_each_audience(Visit visit) const {
    for (const auto& format : formats_) {
      for (const auto& feed : format->feeds()) {
        for (const auto& audience : feed->audiences()) visit(*audience, *format);
      }
    }
  }

  Format* find(FormatKind kind) const noexcept;
  FormatKind kind_of(FormatKind kind) const noexcept;

  std::string path_;
  PathPolicy policy_;
  Fanout& fanout_;
  memory::BlockPool& pool_;
  StreamLog log_;
  std::vector<std::unique_ptr<Format>> formats_;
  bool is_lost_ = false;
};

}  // namespace stream

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "relay/media/container.hpp"
#include "relay/stream/feed.hpp"
#include "relay/stream/remuxer.hpp"

namespace stream {

/// What viewers are given: a stream in a container.
struct FormatKind {
  FormatKind(media::Container of) : container(of) {}  // NOLINT: it is one
  FormatKind(media::Container of, bool has_whole_frames)
      : container(of), whole_frames(has_whole_frames && of == media::Container::mpegts) {}

  media::Container container;
  /// Of an MPEG-TS that is passed on: a frame leaves in one piece, when it has ended, as it does in
  /// all other formats and on disk. For viewers who may have to go on from there.
  bool whole_frames = false;

  bool operator==(const FormatKind&) const = default;
};

/// One stream in one container on one worker: a log in step with the source's, with the same
/// numbers and times, and the feeds that viewers read. Made for the first viewer, dropped with the
/// last. What has to be converted for the first one is done in slices.
class Format {
 public:
  /// The source must outlive it. What came in this container already is here at once.
  Format(const StreamLog& source, FormatKind kind, Begin begin, Fanout& fanout,
         memory::BlockPool& pool);
  /// Also from this chunk of the source on.
  Format(const StreamLog& source, FormatKind kind, std::uint64_t sequence, Fanout& fanout,
         memory::BlockPool& pool);
  ~Format();
  Format(const Format&) = delete;
  Format& operator=(const Format&) = delete;

  FormatKind kind() const noexcept { return kind_; }
  const StreamLog& log() const noexcept { return log_; }

  /// The feed with this framing; made when missing.
  Feed& feed(Framing framing);
  std::span<const std::unique_ptr<Feed>> feeds() const noexcept { return feeds_; }
  /// Drops feeds that nobody reads; true when none is left.
  bool drop_unused_feeds();

  /// The source has got a chunk.
  void on_append();
  /// The source has dropped chunks.
  void on_trim();
  /// The source began anew.
  void on_restart();

  bool is_behind() const noexcept { return log_.end() < source_.end(); }
  /// Does the next chunk of the source; only while behind.
  void step();
  /// Set by the fan-out while this is on its list of those behind.
  bool listed = false;

 private:
  static std::uint64_t find_begin(const StreamLog& source, media::Container container,
                                  Begin begin) noexcept;

  const StreamLog& source_;
  FormatKind kind_;
  Fanout& fanout_;
  std::unique_ptr<Remuxer> remuxer_;
  StreamLog log_;
  std::vector<std::unique_ptr<Feed>> feeds_;
};

}  // namespace stream

#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "relay/base/time.hpp"
#include "relay/state/store.hpp"
#include "relay/stream/home.hpp"

namespace state {

/// So many numbers are set aside for the chunks that a relay numbers itself: more than it gives in
/// the longest time in which its state cannot be written (at 100 a second, almost two days).
constexpr std::uint64_t numbers_reserved = 1 << 24;

/// The streams that there were when the former process ended. Shared by all workers.
class KnownStreams {
 public:
  /// Before anything listens: reads the records, and sets numbers aside for this process. Blocks
  /// until that is written; where it cannot be, our numberings begin anew. Whoever is not back
  /// after `ttl` is forgotten.
  KnownStreams(Store& store, base::Utc now, base::Duration ttl);
  KnownStreams(const KnownStreams&) = delete;
  KnownStreams& operator=(const KnownStreams&) = delete;

  /// For the home of the stream, the first of this process; from then on it is not known here. Any
  /// thread.
  std::optional<stream::Past> take(const std::string& path);
  /// Erases the records of those that are not back, a few at a time. Any thread.
  void forget_expired(base::Utc now);

 private:
  Store& store_;
  const base::Utc expiry_;
  std::mutex lock_;
  // Nothing: what its record says cannot be.
  std::map<std::string, std::optional<stream::Past>> streams_;
};

/// Keeps the records of the streams that are at home on one worker.
class StreamKeeper {
 public:
  explicit StreamKeeper(Store& store) : store_(store) {}

  /// Again and again while the stream lives.
  void keep(const stream::Home& home, base::Utc now);
  /// Nothing more comes in this process: whoever goes on has no reserve to pass over.
  void keep_last(const stream::Home& home, base::Utc now);
  /// The stream is over.
  void end(const std::string& path);

 private:
  struct Kept {
    wire::Position next;
    std::uint64_t reserved = 0;
  };
  void write(const stream::Home& home, const stream::Past& present, std::uint64_t reserved,
             base::Utc now);

  Store& store_;
  std::unordered_map<std::string, Kept> kept_;  // by path
};

}  // namespace state

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "relay/stream/chunk.hpp"

namespace stream {

/// How far a replica has read what its home sent. Written by the replica's worker, read by the
/// home's: all that the home needs to know without waiting.
struct ReplicaProgress {
  std::atomic<std::uint64_t> read_until{0};
};

/// What the home sends to a replica in one turn.
struct ReplicaUpdate {
  std::string path;
  std::uint64_t epoch;
  bool seed;                     ///< forget what was there: this is the whole tail
  std::uint64_t first_sequence;  ///< of `chunks`, or where they will begin when there are none
  std::vector<ChunkParcel> chunks;
  std::shared_ptr<ReplicaProgress> progress;
};

/// A worker that may hold replicas; called on that worker through its mailbox.
class ReplicaHost {
 public:
  virtual ~ReplicaHost() = default;
  virtual void on_replica_update(ReplicaUpdate update) noexcept = 0;
  /// The home has let go what is older, under memory pressure.
  virtual void on_replica_cut(const std::string& path, std::uint64_t epoch,
                              std::uint64_t first) noexcept = 0;
  /// The stream is over, or never was. `is_lost`: as `Stream::set_lost()`.
  virtual void on_replica_end(const std::string& path, std::uint64_t epoch,
                              bool is_lost) noexcept = 0;
};

}  // namespace stream

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "relay/media/container/mpegts/sample_reader.hpp"
#include "relay/stream/chunk.hpp"

namespace stream {

/// A decoder goes on with `other` where it had `track`: video says its new parameter sets in-band,
/// audio has no such way.
bool can_follow(const media::Track& track, const media::Track& other);

/// The first video sample can be decoded, or the first of all where there is no video track. The
/// samples tell, not their chunk: a frame may leave a chunk later than it began.
bool begins_with_sync(std::span<const media::Sample> samples,
                      std::span<const media::Track> tracks) noexcept;

/// The samples of a log's chunks, one after the other, whatever they came in. Those of an MPEG-TS
/// are gathered, once; others stay where they are. Owned by a remuxer.
class SampleInput {
 public:
  /// Until the configuration of every track is known, samples are held back, at most so long and so
  /// many.
  static constexpr MediaTime hold_max = media_ticks_per_second;
  static constexpr std::size_t held_samples_max = 1024;

  explicit SampleInput(memory::BlockPool& pool) noexcept : pool_(pool) {}

  /// Adds the chunk's samples to those that were not used yet. False: no block was free.
  bool read(const Chunk& source);
  /// False: they are held back. `source`: the chunk that was read last.
  bool is_ready(const Chunk& source);
  /// What was read and not used: they mean `tracks()`, in log time.
  std::vector<media::Sample>& samples() noexcept { return samples_; }
  std::span<const media::Track> tracks() const noexcept { return tracks_; }
  /// The tracks are others than when this was last asked.
  bool take_change() noexcept { return std::exchange(tracks_changed_, false); }
  /// What was not used is lost, and what comes next does not follow it.
  void drop();

 private:
  bool read_packets(const Chunk& source, bool is_other);
  void set_tracks(std::span<const media::Track> tracks);

  memory::BlockPool& pool_;
  std::optional<mpegts::SampleReader> reader_;  // of a publisher that sends MPEG-TS
  std::optional<std::uint32_t> reader_version_;
  std::shared_ptr<const media::TrackSet> source_tracks_;  // of one that does not; chunks share them
  std::uint32_t discontinuity_ = 0;
  std::vector<media::Track> tracks_;
  bool tracks_changed_ = false;
  std::vector<media::Sample> samples_;
  std::optional<MediaTime> held_since_;
};

}  // namespace stream

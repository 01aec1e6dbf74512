#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "relay/base/result.hpp"
#include "relay/media/sample.hpp"
#include "relay/media/track.hpp"
#include "relay/memory/block_writer.hpp"
#include "relay/memory/window_list.hpp"

namespace mpegts {

/// Where the 33-bit timestamps of some packets lie in media time: each becomes the value nearest to
/// `near` that is congruent to itself plus `offset`, modulo 2^33.
struct StampMap {
  std::int64_t offset = 0;  ///< 90 kHz
  std::int64_t near = 0;    ///< 90 kHz
};

/// Turns the packets of a log's chunks into samples: reassembles PES packets, cuts access units,
/// and gathers their payload once into the arena in the form that Sample describes. Follows the
/// first program with video, else with audio, as Demux does.
class SampleReader {
 public:
  explicit SampleReader(memory::BlockPool& pool);

  /// Whole packets, in windows cut anywhere. `is_frame_open`: a video frame goes on in the next
  /// call; otherwise the one in the making has ended. Errc::arena_full of memory; the samples in
  /// the making are lost then.
  base::Result<void> feed(const memory::WindowList& packets, StampMap stamps, bool is_frame_open);
  /// In the order in which they ended.
  std::optional<media::Sample> poll();
  /// What comes next does not follow: samples in the making are dropped.
  void on_discontinuity();

  /// Of the PMT; with `config` once it was seen. Video has timescale 90 000, audio its sample rate.
  std::span<const media::Track> tracks() const noexcept;
  /// Grows whenever something in `tracks()` changed.
  std::uint32_t tracks_version() const noexcept;
};

}  // namespace mpegts

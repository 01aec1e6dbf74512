#pragma once

#include <cstdint>
#include <span>

#include "relay/base/result.hpp"
#include "relay/media/sample.hpp"
#include "relay/media/track.hpp"
#include "relay/memory/block_writer.hpp"

namespace mpegts {

/// MPEG-TS can hold the track's codec, and what its frames need to be written is known.
bool can_write(const media::Track& track) noexcept;

/// Writes samples as MPEG-TS (ISO/IEC 13818-1): gathers each payload byte once into packets.
class Writer {
 public:
  /// `tables_version`: of PAT and PMT, 0 to 31.
  Writer(memory::BlockPool& pool, std::span<const media::Track> tracks,
         std::uint8_t tables_version);

  /// What one chunk of the log becomes.
  struct Image {
    memory::WindowList bytes;
    /// Only if asked for: adaptation-only packets with discontinuity_indicator, one for each PID,
    /// for a viewer that did not read what was before. Its counters fit `bytes`.
    memory::WindowList skip_join;
  };
  /// PES packets of these samples, each track's in order, the PCR with the first track that has
  /// one. `with_tables`: PAT and PMT come first, so that a viewer may begin here. Samples of tracks
  /// that cannot be written are left out. Errc::arena_full of memory.
  base::Result<Image> write(std::span<const media::Sample> samples, bool with_tables);
};

}  // namespace mpegts

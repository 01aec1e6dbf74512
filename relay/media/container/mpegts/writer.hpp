#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/media/codec/aac.hpp"
#include "relay/media/container/mpegts/dts_shift.hpp"
#include "relay/media/container/mpegts/packet_writer.hpp"
#include "relay/media/container/mpegts/tables.hpp"
#include "relay/media/sample.hpp"
#include "relay/media/track.hpp"
#include "relay/memory/block_writer.hpp"

namespace mpegts {

/// MPEG-TS can hold the track's codec, and what its frames need to be written is known.
bool can_write(const media::Track& track) noexcept;

/// Writes samples as MPEG-TS (ISO/IEC 13818-1): gathers each payload byte once into packets. The
/// track with index i has PID 0x100 + i, unless it had one before; the first `tracks_max` that can
/// be written are. Owned by a feed.
class Writer {
 public:
  static constexpr std::uint16_t pmt_pid = 0x1000;  ///< or the next that no track has
  static constexpr std::uint16_t first_pid = 0x100;
  /// 90 kHz. How long before its dts a frame arrives by the PCR: audio that comes later than video
  /// is still in time. As ffmpeg's muxer has it.
  static constexpr std::int64_t pcr_delay = 63'000;

  /// `tables_version`: of PAT and PMT, 0 to 31. `has_pids`: the tracks' ids are PIDs to be used.
  Writer(memory::BlockPool& pool, std::span<const media::Track> tracks, std::uint8_t tables_version,
         bool has_pids = false);

  /// What one chunk of the log becomes.
  struct Image {
    memory::WindowList bytes;
    /// Only with tables: adaptation-only packets with discontinuity_indicator, one for each PID,
    /// for a viewer that did not read what was before. Its counters fit `bytes`.
    memory::WindowList skip_join;
  };
  /// PES packets of these samples, each track's in order, the PCR with the first track that has
  /// one. Audio samples of one track come in one PES packet, where the first of them stands.
  /// `with_tables`: PAT and PMT come first, so that a viewer may begin here. Samples of tracks that
  /// cannot be written, and what is no frame of its codec, are left out. Errc::arena_full of
  /// memory; nothing was written then.
  base::Result<Image> write(std::span<const media::Sample> samples, bool with_tables);

 private:
  struct Stream {
    std::uint16_t pid = 0;
    std::uint32_t timescale = 0;
    std::uint32_t frame_duration = 0;  // 0: not the same for all frames
    media::Codec codec = media::Codec::unknown;
    bool is_video = false;
    codec::aac::Config aac;
    DtsShift dts;
    std::size_t done = 0;  // samples of this call before this index are written

    bool follows(const media::Sample& sample, const media::Sample& before) const noexcept;
  };
  using Samples = std::span<const media::Sample>;
  // Samples that become one PES packet.
  struct AudioRun {
    std::size_t first = 0;
    std::size_t end = 0;
    std::size_t bytes = 0;  // 0: there are none
  };
  static constexpr std::uint8_t no_stream = 0xFF;
  static constexpr std::size_t pat_counter = tracks_max;
  static constexpr std::size_t pmt_counter = tracks_max + 1;

  void add_stream(const media::Track& track, std::uint16_t pid);
  void add_discontinuities();
  void write_video(std::size_t index, const media::Sample& sample);
  AudioRun plan_audio(std::size_t index, Samples samples, std::size_t from) const;
  void write_audio(std::size_t index, Samples samples, std::size_t from);
  std::size_t stream_of(const media::Sample& sample) const noexcept;

  PacketWriter packets_;
  std::vector<std::uint8_t> stream_of_track_;
  std::vector<Stream> streams_;  // at most tracks_max
  std::size_t pcr_stream_ = no_stream;
  std::uint16_t own_pmt_pid_ = pmt_pid;
  std::vector<std::byte> pat_;
  std::vector<std::byte> pmt_;
  std::array<Counter, tracks_max + 2> counters_;  // of the streams, PAT and PMT
};

}  // namespace mpegts

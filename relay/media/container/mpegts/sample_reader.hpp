#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/media/container/mpegts/access_unit_reader.hpp"
#include "relay/media/container/mpegts/audio_frame_reader.hpp"
#include "relay/media/container/mpegts/pes.hpp"
#include "relay/media/container/mpegts/pid_table.hpp"
#include "relay/media/container/mpegts/program_tables.hpp"
#include "relay/media/container/mpegts/sample_sink.hpp"
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
/// first program with video, else with audio, as Demux does. Samples come from H.264, H.265, AAC in
/// ADTS, MPEG audio and Opus; other tracks are listed and have none.
class SampleReader {
 public:
  explicit SampleReader(memory::BlockPool& pool) noexcept;
  SampleReader(const SampleReader&) = delete;
  SampleReader& operator=(const SampleReader&) = delete;

  /// Whole packets, in windows cut anywhere. `is_frame_open`: a video frame goes on in the next
  /// call; otherwise the one in the making has ended, unless it is a field that waits for the other
  /// one, or the stream showed that this is not true of it. Errc::arena_full of memory; the samples
  /// in the making, and the rest of the packets, are lost then.
  base::Result<void> feed(const memory::WindowList& packets, StampMap stamps, bool is_frame_open);
  /// In the order in which they ended. Each means a track, and has times, of `tracks()` as they are
  /// now: what waits here when they change gets the new index of its track, or is dropped when that
  /// is gone, or is audio whose decoder has to be told something else. dts rise strictly within
  /// each track.
  std::optional<media::Sample> poll();
  /// What comes next does not follow: samples in the making are dropped.
  void on_discontinuity();

  /// Of the PMT; with `config` once it was seen. Video has timescale 90 000, audio its sample rate
  /// as soon as that is known.
  std::span<const media::Track> tracks() const noexcept { return sink_.tracks; }
  /// Grows whenever something in `tracks()` changed.
  std::uint32_t tracks_version() const noexcept { return sink_.tracks_version; }
  const SampleCounters& counters() const noexcept { return sink_.counters; }

 private:
  struct Stream {
    PesTracker pes;
    bool is_lost = true;      // until the next PES packet begins
    bool needs_begin = true;  // the header of the PES packet is not whole yet
    // One of them, or none.
    std::unique_ptr<AccessUnitReader> video;
    std::unique_ptr<AudioFrameReader> audio;
  };

  base::Result<void> take_packet(const Packet& packet);
  base::Result<void> take_stream(Stream& stream, const Packet& packet, bool is_lost);
  Stamps map(const PesTracker& pes) const noexcept;
  void lose(Stream& stream) noexcept;
  void use_tracks(std::span<const media::Track> tracks);
  void move_ready(std::span<const std::optional<std::uint8_t>> indices);
  Stream make_stream(std::uint8_t index);

  memory::BlockPool& pool_;
  PidTable pids_;
  ProgramTables tables_;
  SampleSink sink_;
  std::vector<Stream> streams_;  // of the tracks in `sink_`
  std::size_t ready_next_ = 0;
  StampMap stamps_;
};

}  // namespace mpegts

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "relay/disk/chunk_box.hpp"
#include "relay/disk/index_box.hpp"
#include "relay/disk/segment.hpp"
#include "relay/media/container/fmp4/writer.hpp"
#include "relay/memory/block_writer.hpp"
#include "relay/stream/chunk.hpp"
#include "relay/stream/sample_input.hpp"

namespace disk {

/// Makes of each chunk of a log what a segment file has of it. Owned by a recorder, on its worker.
/// The payload stays where it is; of an MPEG-TS it is gathered, once, and a frame leaves with the
/// chunk in which it ended: a chunk in which none did is a box alone.
class RecordWriter {
 public:
  /// The blocks that headers take are counted in `account`.
  explicit RecordWriter(memory::BlockPool& pool, memory::Account* account = nullptr);

  struct Record {
    memory::WindowList bytes;  ///< the box, moof, mdat
    ChunkEntry entry;          ///< offset 0: the caller sets it
    wire::Position position;
    std::uint32_t number = 0;  ///< `Chunk::segment`
    std::uint32_t discontinuity = 0;
    stream::MediaTime end_time = 0;
    /// It has other tracks than the record before, so a segment must begin with it.
    bool begins_anew = false;
    /// There was no memory for it, or it is too large: it is left out. Goes on at the next sync
    /// record.
    bool is_lost = false;
  };
  Record write(const stream::Chunk& chunk);

  /// What a segment begins with whose first record is `first`, the one written last.
  std::string head(const std::string& stream, const Record& first, GapReason gap) const;

  /// What comes next does not follow what was written last: chunks were not shown to it.
  void on_gap();

 private:
  /// Where a track's samples have got to.
  struct Clock {
    std::int64_t last = -1;
    std::int64_t interval = 0;  // between its last two samples
  };

  std::span<const media::Sample> take_samples(const stream::Chunk& chunk, Record& record);
  std::span<const media::Sample> take_packets(const stream::Chunk& chunk, Record& record);
  std::span<const media::Sample> drop_untold(std::span<const media::Sample> samples);
  void use_tracks(const media::TrackSet& tracks, std::shared_ptr<const wire::Tracks> told);
  std::span<const media::Sample> to_shown(std::span<const media::Sample> samples);
  bool follows(const media::Sample& sample) noexcept;
  void describe(const stream::Chunk& chunk, std::span<const media::Sample> samples,
                const Record& record);
  std::uint32_t length_of(const stream::Chunk& chunk,
                          std::span<const media::Sample> samples) noexcept;
  bool write_header(const stream::Chunk& chunk, std::span<const media::Sample> samples,
                    Record& record);

  memory::BlockPool& pool_;
  memory::BlockWriter headers_;
  std::optional<stream::SampleInput> input_;  // of a publisher that sends MPEG-TS
  // That `tracks_` were made of; chunks share them.
  std::shared_ptr<const media::TrackSet> source_tracks_;
  std::shared_ptr<const wire::Tracks> source_told_;
  std::shared_ptr<const media::TrackSet> tracks_;
  std::shared_ptr<const wire::Tracks> told_;  // as the wire tells them
  std::optional<fmp4::FragmentWriter> fragment_;
  std::vector<Clock> clocks_;    // by track
  bool are_tracks_new_ = false;  // nothing has been written of them
  std::uint32_t length_ = 0;     // of the last that had one

  // Kept for their memory.
  ChunkBox box_;
  std::vector<std::byte> header_;
  std::vector<media::Sample> packets_;  // what was in them
  std::vector<media::Sample> told_samples_;
  std::vector<media::Sample> shown_samples_;
};

}  // namespace disk

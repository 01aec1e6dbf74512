#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "relay/disk/chunk_box.hpp"
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
  std::span<const media::Sample> take_samples(const stream::Chunk& chunk, bool& is_lost);
  void use_tracks(std::shared_ptr<const media::TrackSet> tracks,
                  std::shared_ptr<const wire::Tracks> wire_tracks);

  memory::BlockPool& pool_;
  memory::BlockWriter headers_;
  std::optional<stream::SampleInput> input_;  // of a publisher that sends MPEG-TS
};

}  // namespace disk

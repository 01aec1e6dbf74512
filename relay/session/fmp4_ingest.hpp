#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "relay/media/chunker.hpp"
#include "relay/media/container/fmp4/reader.hpp"
#include "relay/session/ingest.hpp"

namespace session {

/// Fragmented MP4: its samples are cut in place and grouped to chunks of one video frame each.
class Fmp4Ingest final : public Ingest {
 public:
  Fmp4Ingest(stream::Home& home, memory::BlockPool& pool, bool is_continuing);

  base::Result<void> feed(memory::Window bytes, base::Time now) override;
  std::optional<base::Time> deadline() const override { return chunker_.deadline(); }
  void on_time(base::Time now) override { chunker_.on_time(now); }
  base::Result<void> finish() override;
  std::optional<stream::Chunk> poll(base::Time now, base::Utc arrival) override;
  void on_input_lost() override;
  base::Result<void> lose(std::span<const std::byte> bytes) override { return reader_.lose(bytes); }
  std::span<const media::Track> tracks() const override { return reader_.tracks(); }
  std::uint64_t dropped() const override { return dropped_; }
  stream::InputFaults faults() const override;

 private:
  void take_samples(base::Time now);
  void follow_tracks();
  stream::Chunk to_chunk(media::Chunker::Group group, base::Time now, base::Utc arrival);
  void keep_order(media::Sample& sample);

  /// Of one track, in log time.
  struct Clock {
    std::optional<std::int64_t> last;
    std::int64_t interval = 0;
  };

  stream::Home& home_;
  fmp4::Reader reader_;
  media::Chunker chunker_;
  std::optional<media::Sample> next_;                     // the first of other tracks
  std::vector<Clock> clocks_;                             // of each track
  std::shared_ptr<const media::TrackSet> shared_tracks_;  // chunks share it
  std::optional<std::uint32_t> tracks_version_;
  base::Time now_{};
  std::uint64_t dropped_ = 0;
  stream::InputFaults faults_;  // but those that the reader has seen
  bool seen_keyframe_ = false;
  bool is_finished_ = false;
  bool until_sync_;
};

}  // namespace session

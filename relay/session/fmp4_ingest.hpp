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
  void finish() override;
  std::optional<stream::Chunk> poll(base::Time now, base::Utc arrival) override;
  bool on_input_lost() override { return false; }
  std::span<const media::Track> tracks() const override { return tracks_; }
  std::uint64_t dropped() const override { return dropped_; }

 private:
  void take_samples(base::Time now);
  void follow_tracks();
  stream::Chunk to_chunk(media::Chunker::Group group, base::Time now, base::Utc arrival);
  void keep_order(media::Sample& sample);
  void count(const media::Sample& sample, stream::Chunk& chunk);

  /// Of one track, in log time.
  struct Clock {
    std::optional<std::int64_t> last;
    std::int64_t interval = 0;
  };

  stream::Home& home_;
  fmp4::Reader reader_;
  media::Chunker chunker_;
  std::vector<media::Track> tracks_;                      // with what was counted
  std::vector<std::optional<std::int64_t>> last_dts_;     // of each track, as sent
  std::vector<Clock> clocks_;                             // likewise
  std::shared_ptr<const media::TrackSet> shared_tracks_;  // chunks share it
  std::optional<std::uint32_t> tracks_version_;
  base::Time now_{};
  std::uint64_t dropped_ = 0;
  bool until_sync_;
};

}  // namespace session

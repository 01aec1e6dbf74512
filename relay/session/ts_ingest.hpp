#pragma once

#include <memory>
#include <optional>

#include "relay/media/container/mpegts/reader.hpp"
#include "relay/media/container/mpegts/restamper.hpp"
#include "relay/session/ingest.hpp"

namespace session {

/// MPEG-TS: its packets are passed on untouched; those of a publisher that continues a stream have
/// their timestamps moved in place.
class TsIngest final : public Ingest {
 public:
  TsIngest(stream::Home& home, memory::BlockPool& pool, bool is_continuing);

  base::Result<void> feed(memory::Window bytes, base::Time now) override;
  std::optional<base::Time> deadline() const override { return reader_->deadline(); }
  void on_time(base::Time now) override { reader_->on_time(now); }
  base::Result<void> finish() override { return reader_->finish(); }
  std::optional<stream::Chunk> poll(base::Time now, base::Utc arrival) override;
  void on_input_lost() override;
  base::Result<void> lose(std::span<const std::byte>) override { return {}; }
  std::span<const media::Track> tracks() const override { return reader_->tracks(); }
  std::uint64_t dropped() const override { return dropped_; }
  stream::InputFaults faults() const override;

 private:
  bool is_dropped(const mpegts::Piece& piece);
  stream::Chunk to_chunk(mpegts::Piece piece, base::Time now, base::Utc arrival);
  void restamp(mpegts::Piece& piece);
  void follow_tables();
  void count_faults(const mpegts::Piece& piece);

  stream::Home& home_;
  memory::BlockPool& pool_;
  std::optional<mpegts::Reader> reader_;
  std::optional<mpegts::Restamper> restamper_;
  const std::byte* restamped_ = nullptr;  // where the newest join image's tables end
  std::int64_t delta_ = 0;                // what it adds
  std::uint8_t version_step_ = 0;         // from the tables' own version to the one they get
  std::shared_ptr<const media::TrackSet> tracks_;  // chunks share it
  std::optional<std::uint32_t> tracks_version_;
  std::uint64_t dropped_ = 0;
  stream::InputFaults faults_;  // but those that the present reader has seen
  std::optional<std::int64_t> last_dts_;
  bool seen_keyframe_ = false;
  bool seen_video_ = false;
  bool until_sync_;             // pieces are dropped up to the next sync one
  bool is_seam_;                // the next piece is the first that follows another publisher's
  bool is_behind_gap_ = false;  // or the first behind input that was lost
};

}  // namespace session

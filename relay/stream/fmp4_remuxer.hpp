#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "relay/media/container/fmp4/writer.hpp"
#include "relay/media/container/mpegts/sample_reader.hpp"
#include "relay/stream/remuxer.hpp"

namespace stream {

/// To fragmented MP4: a fragment of each chunk. Samples of an MPEG-TS are gathered once; those that
/// came as such stay where they are. What comes before the configuration of every track is known
/// is held back, for at most `hold_max` of media.
class Fmp4Remuxer final : public Remuxer {
 public:
  static constexpr MediaTime hold_max = media_ticks_per_second;
  static constexpr std::size_t held_samples_max = 1024;

  explicit Fmp4Remuxer(memory::BlockPool& pool);

  void remux(const Chunk& source, Chunk& out) override;
  void on_gap() override;

 private:
  /// Where a track of the publisher goes.
  struct Route {
    std::uint8_t track = 0;
    bool is_held = false;  ///< by the output
    std::uint32_t timescale = 0;
  };

  bool read(const Chunk& source);
  bool read_packets(const Chunk& source, bool is_other);
  void set_tracks(std::span<const media::Track> tracks);
  bool is_ready(const Chunk& source) const;
  void use_tracks();
  bool find_routes();
  void begin_anew();
  void route_samples();
  bool begins_with_sync() const;
  void write(const Chunk& source, Chunk& out);
  void lose(Chunk& out);

  memory::BlockPool& pool_;
  memory::BlockWriter headers_;
  std::optional<mpegts::SampleReader> reader_;  // of a publisher that sends MPEG-TS
  std::optional<std::uint32_t> reader_version_;
  std::shared_ptr<const media::TrackSet> source_tracks_;  // of one that does not; chunks share them
  std::uint32_t discontinuity_ = 0;
  std::vector<media::Track> tracks_;  // of the publisher
  bool tracks_changed_ = false;

  std::vector<media::Sample> samples_;  // to be written
  std::optional<MediaTime> held_since_;

  std::vector<media::Track> out_tracks_;  // of the initialisation segment; empty before the first
  std::vector<Route> routes_;
  std::vector<std::optional<std::int64_t>> last_dts_;  // by output track
  std::optional<fmp4::FragmentWriter> writer_;
  std::shared_ptr<const JoinImages> join_;
  std::uint32_t generation_ = 0;
  bool waits_for_sync_ = false;  // a frame is missing, as when no block was free
};

}  // namespace stream

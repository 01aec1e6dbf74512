#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "relay/media/container/fmp4/writer.hpp"
#include "relay/stream/remuxer.hpp"
#include "relay/stream/sample_input.hpp"

namespace stream {

/// To fragmented MP4: a fragment of each chunk, with the samples where SampleInput has them. What
/// it holds back leaves with the next one. `Chunk::tracks` of what comes out are those that it
/// says.
class Fmp4Remuxer final : public Remuxer {
 public:
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

  void use_tracks();
  bool find_routes();
  void begin_anew();
  void route_samples();
  void write(const Chunk& source, Chunk& out);
  void lose(Chunk& out);

  SampleInput input_;
  memory::BlockWriter headers_;

  std::vector<media::Track> out_tracks_;  // of the initialisation segment; empty before the first
  std::shared_ptr<const media::TrackSet> shown_;  // the same: what chunks of the output mean
  std::vector<Route> routes_;
  std::vector<std::optional<std::int64_t>> last_dts_;  // by output track
  std::optional<fmp4::FragmentWriter> writer_;
  std::shared_ptr<const JoinImages> join_;
  std::uint32_t generation_ = 0;
  bool waits_for_sync_ = false;  // a frame is missing, as when no block was free
};

}  // namespace stream

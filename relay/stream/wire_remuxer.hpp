#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "relay/memory/block_writer.hpp"
#include "relay/protocol/wire/message.hpp"
#include "relay/stream/remuxer.hpp"
#include "relay/stream/sample_input.hpp"

namespace stream {

/// To messages of the wire protocol: a Chunk of each chunk, its header made once for all viewers,
/// its payload where it is. Of a publisher that came over the wire everything is told as it came;
/// others' times are those of the log. Each number is told: where no frame ended in a chunk, with
/// no samples. What could not be made has no image, and a new generation begins wherever a chunk
/// does not follow the one before.
class WireRemuxer final : public Remuxer {
 public:
  explicit WireRemuxer(memory::BlockPool& pool) noexcept : pool_(pool), headers_(pool) {}

  void remux(const Chunk& source, Chunk& out) override;
  void on_gap() override;

 private:
  std::optional<std::vector<media::Sample>> take_packets(const Chunk& source, Chunk& out);
  std::vector<media::Sample> take_samples(const Chunk& source);
  void use_tracks(std::span<const media::Track> tracks);
  void write(const Chunk& source, std::vector<media::Sample> samples, Chunk& out);
  bool write_header(const wire::Chunk& message, memory::WindowList& out);
  void lose(Chunk& out, wire::GapReason reason);
  void leave_out(Chunk& out);

  memory::BlockPool& pool_;
  std::optional<SampleInput> input_;  // of a publisher that sends MPEG-TS
  memory::BlockWriter headers_;
  std::shared_ptr<const media::TrackSet> source_tracks_;  // that `tracks_` were made of
  std::shared_ptr<const wire::Tracks> tracks_;            // of the samples that come next
  std::shared_ptr<const wire::Tracks> told_tracks_;       // of the last chunk that was told
  std::optional<wire::Position> expected_;                // nothing before the first
  std::uint32_t generation_ = 0;
  bool is_silent_ = false;  // the last chunk has no image
  // Chunks were lost, for this reason: goes on with a sync chunk. Unspecified: none were.
  wire::GapReason lost_ = wire::GapReason::unspecified;
};

}  // namespace stream

#pragma once

#include <memory>
#include <optional>

#include "relay/media/container/mpegts/writer.hpp"
#include "relay/stream/remuxer.hpp"

namespace stream {

/// To MPEG-TS: passes on what came as such, untouched, and writes what came as samples. What came
/// in several chunks since its publisher was slow may be held back until the frame has ended. Of
/// the past, viewers that have read an earlier part elsewhere may join at every chunk.
class TsRemuxer final : public Remuxer {
 public:
  TsRemuxer(memory::BlockPool& pool, bool is_past, bool has_whole_frames) noexcept
      : pool_(pool), is_past_(is_past), has_whole_frames_(has_whole_frames) {}

  void remux(const Chunk& source, Chunk& out) override;
  void on_gap() override;

 private:
  void pass_on(const Chunk& source, Chunk& out);
  void write(const Chunk& source, Chunk& out);

  memory::BlockPool& pool_;
  const bool is_past_;
  const bool has_whole_frames_;
  // A frame that has not ended, and what came with it.
  memory::WindowList held_;
  std::shared_ptr<const JoinImages> held_join_;
  bool is_held_sync_ = false;

  std::optional<mpegts::Writer> writer_;
  std::shared_ptr<const media::TrackSet> tracks_;  // of the writer; chunks share them
  bool is_joined_ = false;                         // something was sent before
  bool waits_for_sync_ = false;                    // no block was free: a frame is missing
};

}  // namespace stream

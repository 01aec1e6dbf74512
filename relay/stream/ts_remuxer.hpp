#pragma once

#include <memory>
#include <optional>

#include "relay/media/container/mpegts/writer.hpp"
#include "relay/stream/remuxer.hpp"

namespace stream {

/// To MPEG-TS: passes on what came as such, untouched, and writes what came as samples. Of the
/// past, viewers that have read an earlier part elsewhere may join at every chunk.
class TsRemuxer final : public Remuxer {
 public:
  TsRemuxer(memory::BlockPool& pool, bool is_past) noexcept : pool_(pool), is_past_(is_past) {}

  void remux(const Chunk& source, Chunk& out) override;
  void on_gap() override;

 private:
  void write(const Chunk& source, Chunk& out);

  memory::BlockPool& pool_;
  const bool is_past_;
  std::optional<mpegts::Writer> writer_;
  std::shared_ptr<const media::TrackSet> tracks_;  // of the writer; chunks share them
  bool is_joined_ = false;                         // something was sent before
  bool waits_for_sync_ = false;                    // no block was free: a frame is missing
};

}  // namespace stream

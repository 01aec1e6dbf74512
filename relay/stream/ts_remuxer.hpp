#pragma once

#include <memory>
#include <optional>

#include "relay/media/container/mpegts/writer.hpp"
#include "relay/stream/remuxer.hpp"

namespace stream {

/// To MPEG-TS: passes on what came as such, untouched, and writes what came as samples.
class TsRemuxer final : public Remuxer {
 public:
  explicit TsRemuxer(memory::BlockPool& pool) noexcept : pool_(pool) {}

  void remux(const Chunk& source, Chunk& out) override;
  void on_gap() override;

 private:
  void write(const Chunk& source, Chunk& out);

  memory::BlockPool& pool_;
  std::optional<mpegts::Writer> writer_;
  std::shared_ptr<const media::TrackSet> tracks_;  // of the writer; chunks share them
  bool is_joined_ = false;                         // something was sent before
  bool waits_for_sync_ = false;                    // no block was free: a frame is missing
};

}  // namespace stream

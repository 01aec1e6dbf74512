#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "client/camera/chunk.hpp"
#include "relay/media/container.hpp"
#include "relay/media/container/fmp4/writer.hpp"
#include "relay/media/container/mpegts/writer.hpp"
#include "relay/media/track.hpp"
#include "relay/memory/arena.hpp"
#include "relay/memory/block_pool.hpp"
#include "relay/memory/block_writer.hpp"

namespace client::camera {

/// Chunks as MPEG-TS or fragmented MP4, with the relay's own writers: a chunk is a fragment, so
/// nothing waits for the next one. One thread.
class ContainerWriter {
 public:
  /// Throws std::system_error when its memory (for the largest chunk) cannot be had.
  explicit ContainerWriter(media::Container container);

  /// True if the container can hold none of them.
  bool set_tracks(std::span<const media::Track> tracks);
  /// What a body with these tracks begins with. MPEG-TS has it in every sync chunk.
  const std::string& header() const noexcept { return header_; }
  /// Nothing if the container can hold none of its frames, or if it is too large.
  std::optional<std::string> write(const Chunk& chunk);

 private:
  media::Container container_;
  memory::Arena arena_;
  memory::BlockPool pool_;
  memory::BlockWriter fragment_headers_;
  std::vector<bool> is_written_;  // by track
  std::optional<mpegts::Writer> mpegts_;
  std::uint8_t tables_version_ = 0;
  std::optional<fmp4::FragmentWriter> fmp4_;
  std::uint32_t fragment_ = 0;
  std::string header_;
};

}  // namespace client::camera

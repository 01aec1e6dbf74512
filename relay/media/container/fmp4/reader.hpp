#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "relay/base/result.hpp"
#include "relay/media/sample.hpp"
#include "relay/media/track.hpp"
#include "relay/memory/block_writer.hpp"

namespace fmp4 {

/// Cuts samples out of a received fragmented MP4 body (ISO/IEC 14496-12), in place. Owned by a
/// publisher's session. After each input `poll()` until it is empty.
class Reader {
 public:
  /// `pool`: for the little that must be written, such as parameter sets before a sync sample.
  explicit Reader(memory::BlockPool& pool);

  /// Received payload, cut anywhere. After an error every call returns it.
  base::Result<void> feed(memory::Window bytes);
  /// The next sample, in dts order over all tracks: a sample waits until every track of its
  /// fragment has reached its dts, at most to the fragment's last byte. Edit lists are applied.
  std::optional<media::Sample> poll();
  /// The end of the body: what is whole is given out, a cut sample is dropped.
  void finish();

  std::span<const media::Track> tracks() const noexcept;
  /// Grows whenever something in `tracks()` changed.
  std::uint32_t tracks_version() const noexcept;
};

}  // namespace fmp4

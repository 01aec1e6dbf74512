#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/base/time.hpp"
#include "relay/media/container.hpp"
#include "relay/media/track.hpp"
#include "relay/media/track_set.hpp"
#include "relay/memory/block_pool.hpp"
#include "relay/memory/window.hpp"
#include "relay/stream/home.hpp"
#include "relay/stream/input_fault.hpp"

namespace session {

/// Turns a publisher's body into chunks of its stream, one class for each container: cuts them,
/// gives them their place in the log's time and drops what nobody could begin with. Owned by the
/// publisher. After each input `poll()` until it is empty, then wait until `deadline()`.
class Ingest {
 public:
  virtual ~Ingest() = default;

  /// Received payload, cut anywhere. After an error every call returns it.
  virtual base::Result<void> feed(memory::Window bytes, base::Time now) = 0;
  virtual std::optional<base::Time> deadline() const = 0;
  virtual void on_time(base::Time now) = 0;
  /// The end of the body: what is whole becomes a last chunk. An error if there was something and
  /// nothing of it was media.
  virtual base::Result<void> finish() = 0;
  /// The next chunk, but for the numbers that the home gives it. `arrival`: the UTC of `now`.
  virtual std::optional<stream::Chunk> poll(base::Time now, base::Utc arrival) = 0;

  /// From now on input is thrown away; after that it goes on at a sync frame.
  virtual void on_input_lost() = 0;
  /// Input that is thrown away: read where the container must be followed, and not kept.
  virtual base::Result<void> lose(std::span<const std::byte> bytes) = 0;

  virtual std::span<const media::Track> tracks() const = 0;
  /// Chunks that were dropped up to a sync frame.
  virtual std::uint64_t dropped() const = 0;
  /// What was wrong until now.
  virtual stream::InputFaults faults() const = 0;
};

/// Versions of MPEG-TS tables: they have five bits.
inline constexpr unsigned table_versions = 32;

/// A chunk at its place in the log's time: its first frame has this dts (90 kHz, unwrapped; nothing
/// if it tells none) and arrived now. Tells the home where the input's clock jumped, and counts it.
stream::Chunk place_chunk(stream::Home& home, std::optional<std::int64_t> dts_90k, base::Time now,
                          base::Utc arrival, stream::InputFaults& faults);

/// Tracks as chunks share them. The tables of MPEG-TS get the home's next version where they say
/// something else than the last.
std::shared_ptr<const media::TrackSet> share_tracks(stream::Home& home,
                                                    std::vector<media::Track> tracks);

/// `is_continuing`: the log has chunks of another publisher already.
std::unique_ptr<Ingest> make_ingest(media::Container container, stream::Home& home,
                                    memory::BlockPool& pool, bool is_continuing);

}  // namespace session

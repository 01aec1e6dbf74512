#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "relay/base/time.hpp"
#include "relay/media/track.hpp"
#include "relay/protocol/wire/publisher_session.hpp"
#include "relay/stream/end_reason.hpp"
#include "relay/stream/home.hpp"
#include "relay/stream/input_fault.hpp"

namespace session {

using stream::PublisherEnd;

/// What came from a publisher until now.
struct PublisherCounts {
  std::uint64_t bytes = 0;  ///< of payload: of the body, or of the messages
  std::uint64_t chunks = 0;
  std::uint64_t chunks_dropped = 0;  ///< up to a sync frame
  std::uint64_t bytes_dropped = 0;   ///< of `bytes`, those that found no place in the arena
  stream::InputFaults faults;
  wire::PublisherSession::Counters wire;
};

/// Who writes a stream, over HTTP or the wire, as the server of its worker sees it.
class Publisher {
 public:
  virtual ~Publisher() = default;

  virtual std::uint64_t id() const noexcept = 0;
  virtual const char* protocol() const noexcept = 0;
  virtual stream::Home& home() noexcept = 0;
  virtual std::string peer() const = 0;
  virtual base::Time started() const noexcept = 0;
  virtual base::Time last_byte() const noexcept = 0;
  /// True while it is us who do not read: it is not idle.
  virtual bool is_paused() const noexcept = 0;
  virtual PublisherCounts counts() const = 0;
  virtual std::span<const media::Track> tracks() const = 0;
  /// Of the session; empty over HTTP, which has none.
  virtual const std::string& token() const noexcept = 0;

  /// Ends it and tells it why; the second time nothing.
  virtual void end(PublisherEnd end, const std::string& reason) noexcept = 0;
  /// Blocks were freed: tries again if it waits for one.
  virtual void on_freed() noexcept = 0;
  /// Nothing can be freed. True if it is beyond its share, waits for a block, and is stopped from
  /// now on.
  virtual bool on_nothing_freed(bool is_beyond_share) noexcept = 0;
  /// Every chunk of this epoch before this position is on disk.
  virtual void on_durable(wire::Position end) noexcept = 0;
  /// From time to time: looks whether its peer is still there.
  virtual void on_time(base::Time now) noexcept = 0;
};

}  // namespace session

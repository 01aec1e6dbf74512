#pragma once

#include <cstdint>
#include <optional>

#include "relay/base/time.hpp"

namespace stream {

/// What happens to a viewer whose cursor lags more than `max_lag`.
enum class SlowPolicy {
  skip,  ///< jump forward to the newest sync chunk, once one newer than the cursor's group exists
  catch_up,    ///< go on from the tail: late, but complete
  disconnect,  ///< end at a chunk boundary
};

/// Where a viewer begins: at the newest sync chunk, or, if it was there before the stream, at the
/// oldest: a publisher may send much at once.
enum class Begin : std::uint8_t { newest, oldest };

struct ViewerPolicy {
  SlowPolicy slow = SlowPolicy::skip;
  base::Duration max_lag{};        ///< media time
  base::Duration stall_timeout{};  ///< a viewer that takes no byte for so long is closed
  std::uint64_t unsent_bytes = 0;  ///< TCP_NOTSENT_LOWAT, raised where chunks or flushes are larger
  /// Bytes are held back for at most this long; nothing: chosen from the worker's load.
  std::optional<base::Duration> flush_interval;
};

struct PublisherPolicy {
  base::Duration grace{};  ///< how long a stream outlives its publisher's connection
  base::Duration idle{};   ///< after so long without a byte another publisher may take over
  base::Duration ahead{};  ///< how far media time may run ahead of the clock
};

/// Bounds of the part of a stream that stays in the arena.
struct TailPolicy {
  base::Duration length{};  ///< media time
  std::uint64_t bytes = 0;
};

struct PathPolicy {
  TailPolicy tail;
  ViewerPolicy viewer;
  PublisherPolicy publisher;
};

}  // namespace stream

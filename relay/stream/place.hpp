#pragma once

#include <cstdint>
#include <optional>

#include "relay/protocol/wire/message.hpp"
#include "relay/stream/stream_log.hpp"

namespace stream {

/// Where in a log somebody begins who follows positions.
struct Place {
  /// Nothing: not there yet, and what is there does not stand in for it.
  std::optional<std::uint64_t> sequence;
  /// Where that is not the position that was asked for: why. It is a sync chunk then.
  wire::GapReason reason = wire::GapReason::unspecified;
};

/// Live: the newest sync chunk. A UTC: the last sync chunk not after it, or the oldest. A position:
/// exactly that chunk; the first sync chunk behind the place where it is missing; and nothing while
/// it can still come. Of a log of wire images, where a chunk without one is missing.
Place find_place(const StreamLog& log, const wire::Start& start) noexcept;

/// Where in a log of any kind a position is; nothing where it is not.
std::optional<std::uint64_t> find_exactly(const StreamLog& log, wire::Position position) noexcept;

}  // namespace stream
